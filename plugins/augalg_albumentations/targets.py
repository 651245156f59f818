"""From the text of a transform, such as ``Solarize(threshold_range=(0.5, 0.5))``, to one function of the image.

The text is read, never run: only literals can stand between the brackets.
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import augalgebra as aa
from augalg_albumentations import SINGLE, adapter, building, pipelines
from augalg_albumentations.building import SERIALIZED


def build(target: str, name: str) -> aa.Augmentation | None:
    """The augmentation that a text or a file means.

    Args:
        target: ``Class(argument=literal, …)``, ``serialized("file", seed=3)``, or the path of a serialized pipeline.
        name: Full name of the augmentation.

    Returns:
        An augmentation without parameters; None for a file that albumentations does not write.

    Raises:
        AugalgebraError: The text is no such call, the transform refuses the settings, or it is not a function: it is
            not always applied, or draws random numbers.
    """
    path = Path(target)
    if path.is_absolute():
        return _fixed(name, building.load(path), None, path.name) if path.suffix in building.FORMATS else None
    class_name, settings = _read(target)
    seed = building.seed_of(settings.pop("seed", None))
    if class_name == SERIALIZED:
        return _fixed(name, building.load(_form(settings)), seed, target)
    cls = adapter.transform_class(class_name)
    if settings.pop("p", 1) != 1:
        raise aa.AugalgebraError(
            f"{class_name} with p below 1 is not one function of the image; leave p out, it is always applied here"
        )
    return _fixed(name, building.construct(cls, (), {**settings, "p": 1.0}), seed, target, cls)


def _read(target: str) -> tuple[str, dict[str, Any]]:
    """A class's name and its arguments, positional ones by the name of their parameter."""
    example = "write for example Solarize(threshold_range=(0.5, 0.5))"
    try:
        call = ast.parse(target.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        problem = error.msg if isinstance(error, SyntaxError) else str(error)
        raise aa.AugalgebraError(f"{target!r} cannot be read ({problem}); {example}") from None
    if isinstance(call, ast.Name):
        return call.id, {}
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise aa.AugalgebraError(f"{target!r} is no transform with its settings; {example}")
    arguments: dict[str, Any] = {}
    positional = _parameters(call.func.id)
    if len(call.args) > len(positional):
        raise aa.AugalgebraError(f"{call.func.id} takes {len(positional)} settings, not {len(call.args)}")
    for key, node in (*zip(positional, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)):
        if key is None or isinstance(node, ast.Starred):
            raise aa.AugalgebraError(f"settings of {call.func.id} are written one by one, not with * or **")
        if key in arguments:
            raise aa.AugalgebraError(f"{call.func.id}: {key} is given twice")
        try:
            arguments[key] = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise aa.AugalgebraError(
                f"{call.func.id}: {key}={ast.unparse(node)} is not a literal; "
                "numbers, texts, True, False, None, and tuples, lists and dictionaries of them can be given"
            ) from None
    return call.func.id, arguments


def _parameters(class_name: str) -> list[str]:
    if class_name == SERIALIZED:
        return ["form", "seed"]
    return list(inspect.signature(adapter.transform_class(class_name)).parameters)


def _form(settings: Mapping[str, Any]) -> Any:
    if set(settings) != {"form"}:
        raise aa.AugalgebraError('serialized takes a form (a file, or JSON text) and a seed: serialized("sunny.json")')
    return settings["form"]


def _fixed(name: str, transform: Any, seed: int | None, text: str, cls: type | None = None) -> aa.Augmentation:
    """The transform at one random state, provided that no other would give anything else."""
    chance = pipelines.uncertain(transform) if seed is None else ""
    if chance:
        why = "draws random numbers" if cls is not None else f"is decided by chance ({chance})"
        raise aa.AugalgebraError(f"{text} {why}, so that it is not one function of the image; "
                                 f"{_remedy(transform, cls, text)}")  # fmt: skip
    base = adapter.as_augmentation(name, transform)

    def function(images: Tensor) -> Tensor:
        return adapter.apply(transform, images, seed or 0)

    shape = base.shape
    if shape == "changed" and cls is not None and cls.__name__ in (*adapter.SQUARE, *adapter.FITTING):
        shape = _shape(function)
    summary = base.summary if cls is None else adapter.summary_of(cls)
    return replace(base, function=function, params=(), shape=shape, tolerance=SINGLE, summary=summary)


def _shape(function: Callable[[Tensor], Tensor]) -> Any:
    """What a function makes of two sizes."""
    sizes = ((24, 32), (41, 27))
    made = [tuple(function(torch.zeros(1, 1, *size)).shape[-2:]) for size in sizes]
    if made == list(sizes):
        return "kept"
    return "transposed" if made == [(width, height) for height, width in sizes] else "changed"


def _remedy(transform: Any, cls: type | None, text: str) -> str:
    """How to make a function of it: ranges of one value if that is enough, else a seed."""
    if cls is None:
        seeded = text if text.startswith(SERIALIZED) else f'albumentations:{SERIALIZED}("{text}", seed=0)'
        return f"fix its ranges and set p=1 throughout, or give a seed: {seeded}"
    seeded = "give a seed to fix what is drawn: seed=0"
    known = inspect.signature(cls).parameters
    settings = {key: value for key, value in transform.get_transform_init_args().items() if key in known and key != "p"}
    narrowed = {key: _narrowed(value) for key, value in settings.items()}
    changed = {key: value for key, value in narrowed.items() if value != settings[key]}
    if not changed:
        return seeded
    try:
        varies = adapter.varies(building.construct(cls, (), {**narrowed, "p": 1.0}))
    except aa.AugalgebraError:  # settings may exclude one another
        return seeded
    shown = ", ".join(f"{key}={value!r}" for key, value in changed.items())
    return seeded if varies else f"fix its ranges, for example {shown}, or {seeded}"


def _narrowed(value: Any) -> Any:
    """A setting with every range (low, high) in it replaced by its upper end."""
    if isinstance(value, dict):
        return {key: _narrowed(item) for key, item in value.items()}
    pair = isinstance(value, tuple | list) and len(value) == 2
    if not pair or not all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        return value
    low, high = value
    return (high, high) if low < high else value
