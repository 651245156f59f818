"""Pipelines of albumentations as steps, each a word, those that are no functions named as such."""

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import augalgebra as aa
from augalg_albumentations import CONSTRUCTION, LINEAR, adapter, building, recorded

import albumentations  # isort: skip  # after those, which keep it off the network

IN_ORDER = ("Compose", "ReplayCompose", "Sequential")
"""Compositions that apply all of their transforms, one after the other."""
_CHOOSING = {
    "OneOf": "applies one of several at random",
    "OneOrOther": "applies one of two at random",
    "SomeOf": "applies some of several at random",
    "RandomOrder": "applies its transforms in random order",
}
REPACKING = ("ToTensorV2", "ToFloat", "FromFloat")
"""Classes that write the same picture in another way; rounding to the values of a type is not counted."""


def steps_of(source: str) -> tuple[aa.PipelineStep, ...]:
    """The steps of a pipeline: a file or text that albumentations wrote, a record, or a construction.

    A construction such as ``albumentations:Compose([...])`` may have a ``seed``; every transform then draws its
    parameters from that. Written without p, the outermost is always applied; all other probabilities count.

    Raises:
        AugalgebraError: It cannot be read, or names what albumentations does not have.
    """
    if source.startswith(CONSTRUCTION):
        return tuple(_steps(*building.read_construction(source.removeprefix(CONSTRUCTION))))
    form = building.read(source)
    record = form.get("replay", form)
    if recorded.is_record(record):
        return tuple(_recorded(record))
    return tuple(_steps(building.of_form(form), None))


def uncertain(transform: Any) -> str:
    """The steps of a pipeline that chance decides on, with why, as one line; empty if there are none."""
    return problems(tuple(_steps(transform, None)))


def problems(steps: tuple[aa.PipelineStep, ...]) -> str:
    """What keeps steps from being functions of the image, as one line; empty if nothing does."""
    return "; ".join(f"step {n}, {step.name}, {step.problem}" for n, step in enumerate(steps, start=1) if step.problem)


def _steps(transform: Any, seed: int | None) -> Iterator[aa.PipelineStep]:
    """The steps of a transform; with a seed, those that are applied under it."""
    if isinstance(transform, albumentations.OneOrOther):  # whose p chooses between the two
        yield _step(transform, seed)
        return
    if seed is not None and 0 < transform.p < 1:
        transform.set_random_seed(seed)
        if transform.py_random.random() >= transform.p:
            return
    if transform.p == 0:
        return
    if type(transform).__name__ in IN_ORDER and (transform.p == 1 or seed is not None):
        for part in transform.transforms:
            yield from _steps(part, seed)
    else:
        yield _step(transform, seed)


def _step(transform: Any, seed: int | None) -> aa.PipelineStep:
    transform.set_deterministic(False)  # it would write its parameters down where nothing takes them
    problem = "" if seed is not None else _problem(transform)
    return _arithmetic(transform, problem) or aa.PipelineStep(
        _name(transform), _word(transform, seed), problem, moves=_moves(transform)
    )


def _recorded(record: Mapping[str, Any]) -> Iterator[aa.PipelineStep]:
    """The steps that a record says were applied, each with the parameters that it was applied with."""
    for node in recorded.applied_nodes(record):
        transform = recorded.plain(node)
        if not adapter.draws(type(transform)):
            transform.p = 1.0
            yield replace(_step(transform, None), size=recorded.size_of(node))
        else:
            name = f"{type(transform).__name__} as it was recorded"
            yield replace(recorded.step(node), name=name, moves=_moves(transform))


def _problem(transform: Any) -> str:
    kind = type(transform).__name__
    if kind in _CHOOSING:
        return _CHOOSING[kind]
    if transform.p < 1:
        return f"happens with probability {transform.p:g} only; set p=1, or undo what was really applied"
    if not isinstance(transform, albumentations.BasicTransform):
        return "is a composition that cannot be taken apart"
    return "draws its parameters at random; give it a range of one value" if adapter.varies(transform) else ""


def _moves(transform: Any) -> bool | None:
    """Whether pixels change their places; None where trying it has to tell."""
    if isinstance(transform, albumentations.BaseCompose):
        return False if all(_moves(part) is False for part in transform.transforms) else None
    return False if isinstance(transform, albumentations.ImageOnlyTransform) else None


def _arithmetic(transform: Any, problem: str) -> aa.PipelineStep | None:
    """The step of a transform that leaves the values of pictures, where white is 1; None for all others.

    Whether a transform calls white 1 or 255 depends on what it is given, and is left out of account.
    """
    kind = type(transform).__name__
    if kind in REPACKING:
        return aa.PipelineStep(_name(transform), aa.Word(), problem, moves=False)
    if kind != "Normalize" or transform.normalization != "standard":
        return None
    mean, std = (tuple(map(float, _several(value))) for value in (transform.mean, transform.std))
    if 0 in std:
        problem = problem or f"divides by a standard deviation of 0 (std={transform.std!r})"
        return aa.PipelineStep(_name(transform), aa.Word(), problem, moves=False)
    if set(mean) == {0.0} and set(std) == {1.0}:
        return aa.PipelineStep(_name(transform), aa.Word(), problem, moves=False)
    forth = aa.word_of(LINEAR, tuple(1 / item for item in std), _offsets(mean, std))
    return aa.PipelineStep(_name(transform), forth, problem, moves=False, inverse=aa.word_of(LINEAR, std, mean))


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _offsets(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[float, ...]:
    count = max(len(mean), len(std))
    pairs = zip(*(part * count if len(part) == 1 else part for part in (mean, std)), strict=True)
    return tuple(-center / width for center, width in pairs)


def _settings(transform: Any) -> dict[str, Any]:
    """The arguments that differ from the defaults; all if there are no defaults to compare with."""
    if not isinstance(transform, albumentations.BasicTransform):
        return {}
    given = {key: item for key, item in transform.get_transform_init_args().items() if key != "p"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that another class would be faster, and the like
            usual = type(transform)().get_transform_init_args()
    except (TypeError, ValueError):
        return given
    return {key: item for key, item in given.items() if repr(item) != repr(usual.get(key))}


def _name(transform: Any) -> str:
    settings = ", ".join(f"{key}={item!r}" for key, item in _settings(transform).items())
    return f"{type(transform).__name__}({settings})" if settings else type(transform).__name__


def _word(transform: Any, seed: int | None) -> aa.Word:
    """The transform by its name and settings if those can stand in a word, else in its serialized form."""
    name = f"albumentations.{type(transform).__name__}"
    form = json.dumps(albumentations.to_dict(transform))
    serialized = aa.word_of("albumentations.serialized", form, seed or 0)
    if transform.p < 1:  # only the form says so
        return serialized
    try:
        augmentation = adapter.resolve(name)
        seeded = {"seed": seed or 0} if augmentation.random else {}
        word = aa.word_of(name, **_settings(transform), **seeded)
        augmentation.bind(word.letters[0].symbol)
    except (aa.AugalgebraError, TypeError):
        return serialized
    return word
