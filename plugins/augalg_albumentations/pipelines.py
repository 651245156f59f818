"""Pipelines of albumentations as steps, each a word, those that are no functions named as such."""

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any

import augalgebra as aa
from augalg_albumentations import CONSTRUCTION, adapter  # first, since it keeps albumentations off the network

import albumentations  # isort: skip

_IN_ORDER = ("Compose", "ReplayCompose", "Sequential")
_CHOOSING = {
    "OneOf": "applies one of several at random",
    "OneOrOther": "applies one of two at random",
    "SomeOf": "applies some of several at random",
    "RandomOrder": "applies its transforms in random order",
}


def steps_of(source: str) -> tuple[aa.PipelineStep, ...]:
    """The steps of a pipeline: a file or text that albumentations wrote, or ``albumentations:Compose([...])``.

    A single transform is always applied, as is the outermost composition; within, probabilities count.

    Raises:
        AugalgebraError: It cannot be read, or names what albumentations does not have.
    """
    built = _constructed(source.removeprefix(CONSTRUCTION)) if source.startswith(CONSTRUCTION) else source
    return tuple(_steps(adapter.load(built)))


def _steps(transform: Any) -> Iterator[aa.PipelineStep]:
    kind = type(transform).__name__
    if transform.p == 0:
        return
    if kind in _IN_ORDER and transform.p == 1:
        for part in transform.transforms:
            yield from _steps(part)
        return
    yield aa.PipelineStep(_name(transform), _word(transform), _problem(transform))


def _problem(transform: Any) -> str:
    kind = type(transform).__name__
    if kind in _CHOOSING:
        return _CHOOSING[kind]
    if transform.p < 1:
        return f"happens with probability {transform.p:g} only; set p=1, or undo what was really applied"
    if not isinstance(transform, albumentations.BasicTransform):
        return "is a composition that cannot be taken apart"
    return "draws its parameters at random; give it a range of one value" if adapter.varies(transform) else ""


def _settings(transform: Any) -> dict[str, Any]:
    """The arguments that differ from the defaults; all if there are no defaults to compare with."""
    if not isinstance(transform, albumentations.BasicTransform):
        return {}
    given = {key: item for key, item in transform.get_transform_init_args().items() if key != "p"}
    try:
        usual = type(transform)().get_transform_init_args()
    except (TypeError, ValueError):
        return given
    return {key: item for key, item in given.items() if repr(item) != repr(usual.get(key))}


def _name(transform: Any) -> str:
    settings = ", ".join(f"{key}={item!r}" for key, item in _settings(transform).items())
    return f"{type(transform).__name__}({settings})" if settings else type(transform).__name__


def _word(transform: Any) -> aa.Word:
    """The transform by its name and settings if those can stand in a word, else in its serialized form."""
    name = f"albumentations.{type(transform).__name__}"
    try:
        augmentation = adapter.resolve(name)
        seeded = {"seed": 0} if augmentation.random else {}
        word = aa.word_of(name, **_settings(transform), **seeded)
        augmentation.bind(word.letters[0].symbol)
    except (aa.AugalgebraError, TypeError):
        form = json.dumps(albumentations.to_dict(transform))
        return aa.word_of("albumentations.serialized", form, 0)
    return word


def _constructed(text: str) -> Any:
    """What a construction in Python makes; only classes of albumentations are called, with plain values."""
    try:
        return _built(ast.parse(text.strip(), mode="eval").body)
    except aa.AugalgebraError:
        raise
    except Exception as error:  # syntax, values that are no literals, and what the transforms refuse
        raise aa.AugalgebraError(f"cannot read {text!r} as a pipeline: {adapter.one_line(error)}") from error


def _built(node: ast.expr) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        return [_built(item) for item in node.elts] if _has_calls(node) else ast.literal_eval(node)
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    if not isinstance(node.func, ast.Name) or any(keyword.arg is None for keyword in node.keywords):
        raise aa.AugalgebraError(f"{ast.unparse(node)!r} is no transform; write for example Solarize(p=1)")
    keywords: Mapping[str, Any] = {str(keyword.arg): _built(keyword.value) for keyword in node.keywords}
    return adapter.class_named(node.func.id)(*map(_built, node.args), **keywords)


def _has_calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))
