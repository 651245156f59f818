"""From texts such as ``AugmentationSequential(RandomHorizontalFlip(p=1))`` to functions and steps.

The text is read, never run: only classes of kornia are called, with literals.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

import augalgebra as aa
from augalg_kornia import adapter
from augalg_kornia.adapter import NORMALIZING, SINGLE

from kornia import augmentation as library  # isort: skip  # after the adapter, which says where it is missing

_IN_ORDER = {
    "AugmentationSequential": library.AugmentationSequential,
    "ImageSequential": library.ImageSequential,
    "Sequential": library.ImageSequential,
}
"""Compositions that apply all of their augmentations, one after the other."""
_WHOLE = ("PatchSequential", "VideoSequential")
_INVOLUTIONS = ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomInvert")
_MOST = 1000
_EXAMPLE = "write for example RandomInvert(p=1)"


@dataclass(frozen=True)
class _Call:
    """One class with its settings, as it was written, and what it is made of."""

    name: str
    settings: Mapping[str, Any]
    parts: tuple["_Call", ...] = ()

    @property
    def text(self) -> str:
        """What to call it."""
        shown = ", ".join(f"{key}={value!r}" for key, value in self.fixed.items())
        return f"{self.name}({shown})" if shown else self.name

    @property
    def fixed(self) -> dict[str, Any]:
        """The settings that count once it is always applied."""
        return {key: value for key, value in self.settings.items() if key not in adapter.ALWAYS}

    def probability(self) -> float:
        """How likely a picture is to be changed."""
        known = inspect.signature(adapter.find_class(self.name)).parameters
        factors = [self.settings.get(key, known[key].default) for key in ("p", "p_batch") if key in known]
        if not all(isinstance(item, int | float) and 0 <= item <= 1 for item in factors):
            raise aa.AugalgebraError(f"kornia.{self.name}: a probability is a number from 0 to 1")
        product = 1.0
        for item in factors:
            product *= item
        return product


def build(target: str, name: str) -> aa.Augmentation:
    """The augmentation that a text means.

    Args:
        target: ``Class(argument=literal, …)``, or a composition of such that are all free of chance.
        name: Full name of the augmentation.

    Returns:
        An augmentation without parameters.

    Raises:
        AugalgebraError: The text is no such call, kornia refuses the settings, or it is not a function: it is not
            always applied, or draws random numbers.
    """
    call = _read(target)
    if call.name in NORMALIZING:
        raise aa.AugalgebraError(f"kornia.{call.name} leaves the range [0, 1]")
    if call.name in _IN_ORDER or call.name in _WHOLE:
        raise aa.AugalgebraError(
            f"kornia.{call.name} is made of others; register them one by one, and compose them: flip * turn"
        )
    cls, settings = adapter.find_class(call.name), call.fixed
    adapter.construct(cls, call.settings)  # also those that do not count later have to be there
    if any(call.settings.get(key, 1) != 1 for key in ("p", "p_batch")):
        raise aa.AugalgebraError(
            f"{call.name} with p below 1 is not one function of the image; leave p out, it is always applied here"
        )
    if adapter.varies(call.name, repr(settings)):
        raise aa.AugalgebraError(adapter.chance(call.name, settings))

    def function(images: Tensor) -> Tensor:
        return adapter.apply_fixed(call.name, settings, images)

    sizes = [(24, 32), (41, 27)]
    try:
        made = [tuple(function(torch.zeros(1, 3, *size)).shape[-2:]) for size in sizes]
    except ValueError:  # such as a crop that is larger
        made = []
    swapped = [(width, height) for height, width in sizes]
    shape: Any = "kept" if made == sizes else "transposed" if made == swapped else "changed"
    return replace(aa.Augmentation(name, function, (), shape=shape, summary=adapter.summary_of(cls)), tolerance=SINGLE)


def steps_of(text: str) -> tuple[aa.PipelineStep, ...]:
    """The steps of a construction. Written without p, the outermost is always applied; all other p count.

    Raises:
        AugalgebraError: It cannot be read, or names what kornia does not have.
    """
    call = _read(text)
    if call.name not in _IN_ORDER and "p" not in call.settings:
        call = replace(call, settings={**call.settings, "p": 1.0})
    return tuple(_steps(call))


def _steps(call: _Call) -> Iterator[aa.PipelineStep]:
    if call.name in _IN_ORDER:
        inner = [step for part in call.parts for step in _steps(part)]
        adapter.construct(_IN_ORDER[call.name], call.settings, tuple(library.RandomInvert() for _ in call.parts))
        if call.settings.get("random_apply", False) is not False:
            yield aa.PipelineStep(call.name, aa.Word(), "applies some of its augmentations at random")
        yield from inner
    elif call.name in _WHOLE:
        yield aa.PipelineStep(call.name, aa.Word(), "is a composition that cannot be taken apart")
    elif call.parts:
        raise aa.AugalgebraError(f"kornia.{call.name} is not made of others")
    else:
        cls, probability = adapter.find_class(call.name), call.probability()
        adapter.construct(cls, call.settings)  # also those that do not count later have to be there
        if probability > 0:
            problem = ""
            if probability < 1:
                problem = f"happens with probability {probability:g} only; set p=1, or undo what was really applied"
            elif adapter.varies(call.name, repr(call.fixed)):
                problem = "draws its parameters at random; give it a range of one value"
            moves = False if issubclass(cls, library.IntensityAugmentationBase2D) else None
            yield aa.PipelineStep(call.text, _word(call), problem, moves=moves, inverse=_inverse(call))


def _word(call: _Call) -> aa.Word:
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in call.fixed.items()}
    try:
        return aa.word_of(f"kornia.{call.name}", **settings)
    except TypeError as error:
        raise aa.AugalgebraError(f"kornia.{call.name}: {error}") from None


def _inverse(call: _Call) -> aa.Word | None:
    """A word that may well undo it, for what the laws and trying do not find."""
    if call.name in NORMALIZING:
        other = next(name for name in NORMALIZING if name != call.name)
        return _word(replace(call, name=other))
    if call.name in _INVOLUTIONS:
        return _word(call)
    return None


def _read(text: str) -> _Call:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if sum(isinstance(part, ast.Call) for part in ast.walk(tree)) > _MOST:
            raise aa.AugalgebraError(f"a pipeline of more than {_MOST} augmentations is not read")
        return _call(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = error.msg if isinstance(error, SyntaxError) else str(error)
        raise aa.AugalgebraError(f"{text[:300]!r} cannot be read ({problem}); {_EXAMPLE}") from None


def _call(node: ast.expr) -> _Call:
    """A class's name and its settings, positional ones by the name of their parameter."""
    if isinstance(node, ast.Name):
        node = ast.Call(node, [], [])
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise aa.AugalgebraError(f"{ast.unparse(node)!r} is no augmentation with its settings; {_EXAMPLE}")
    name = node.func.id
    if any(isinstance(item, ast.Starred) for item in node.args) or any(word.arg is None for word in node.keywords):
        raise aa.AugalgebraError(f"settings of {name} are written one by one, not with * or **")
    composed = name in _IN_ORDER or name in _WHOLE
    parts = tuple(_call(item) for item in node.args) if composed else ()
    known = [] if composed else list(inspect.signature(adapter.find_class(name)).parameters)
    if not composed and len(node.args) > len(known):
        raise aa.AugalgebraError(f"{name} takes {len(known)} settings, not {len(node.args)}")
    positional = [] if composed else list(zip(known, node.args, strict=False))
    settings: dict[str, Any] = {}
    for key, item in (*positional, *((str(word.arg), word.value) for word in node.keywords)):
        if key in settings:
            raise aa.AugalgebraError(f"{name}: {key} is given twice")
        try:
            settings[key] = ast.literal_eval(item)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise aa.AugalgebraError(
                f"{name}: {key}={ast.unparse(item)} is not a literal; "
                "numbers, texts, True, False, None, and tuples and lists of them can be given"
            ) from None
    return _Call(name, settings, parts)
