"""Reduced pipelines written back as pipelines of albumentations."""

import json
import math
from typing import Any

import torch
from torch import Tensor

import augalgebra as aa
from augalg_albumentations import LINEAR, adapter, building
from augalg_albumentations.pipelines import REPACKING
from augalgebra.algebra import to_python
from augalgebra.pipelines import FusedPipeline, Stage

import albumentations  # isort: skip  # after those, which keep it off the network

_CLOSE = 1e-6
_SLIGHT = 0.01
"""Part of a pixel that a translation may miss; it comes of reading maps off pictures."""


def export(fused: FusedPipeline) -> Any:
    """The pipeline of albumentations that does what a reduced pipeline does; see the function in the package."""
    parts: list[Any] = []
    stages, last = _without_conversions(fused)
    for number, stage in enumerate(stages, start=1):
        made, reason = _transforms(stage)
        if reason:
            raise aa.AugalgebraError(f"stage {number}, {fused.display(stage)}, {reason}")
        parts += made
    return albumentations.Compose([*parts, *last], p=1.0)


def write(fused: FusedPipeline) -> str:
    """The same as JSON, as ``albumentations.load`` reads it."""
    return json.dumps(albumentations.to_dict(export(fused)))


def _without_conversions(fused: FusedPipeline) -> tuple[list[Stage], list[Any]]:
    """All stages but those that write pictures in another way at the end, and the transforms that do that.

    Raises:
        AugalgebraError: Something else follows on one of these.
    """
    stages, steps, last = list(fused.stages), list(fused.pipeline.steps), list[Any]()
    while steps and (_repacks(steps[-1]) or _normalizes(steps[-1])):
        step = steps.pop()
        if step.word:
            if not stages or stages[-1].word != step.word:
                break
            stages.pop()
        name = step.name
        last.insert(0, building.read_construction(name if "(" in name else f"{name}()")[0])
    early = next((n for n, step in enumerate(steps, start=1) if _repacks(step)), None)
    if early is not None:
        raise aa.AugalgebraError(
            f"step {early}, {steps[early - 1].name}, is followed by steps that change pictures; put it last, "
            "or leave it out and add it to what is written"
        )
    return stages, last


def _repacks(step: aa.PipelineStep) -> bool:
    return not step.word and step.name.partition("(")[0] in (*REPACKING, "Normalize")


def _normalizes(step: aa.PipelineStep) -> bool:
    """Whether it is a `Normalize` of albumentations, not what somebody wrote as the same word."""
    return step.name.startswith("Normalize(") and [letter.symbol.name for letter in step.word.letters] == [LINEAR]


def _transforms(stage: Stage) -> tuple[list[Any], str]:
    """The transforms of a stage; or why there are none."""
    if stage.drawn:
        return [], "draws its parameters in a way that albumentations does not have"
    single = stage.parts[0].letter.symbol if len(stage.parts) == 1 else None
    if stage.matrix is not None:
        return _geometry(stage.matrix, stage)
    if stage.values is not None:
        items = (stage.values.scale, stage.values.offset, stage.values.low, stage.values.high)
        numbers = [item.flatten() for item in items]
        if any(float(item.max() - item.min()) > _CLOSE for item in numbers):
            return [], "changes each channel in a way of its own"
        return _values(*(float(item[0]) for item in numbers))
    if single is not None and single.name == LINEAR:
        return [], "leads out of [0, 1] (Normalize), and is not the last step; put it last"
    if single is not None and single.name == "photometric.gamma":
        return [albumentations.RandomGamma(gamma_limit=(100 * float(single.args[0]),) * 2, p=1.0)], ""  # type: ignore[arg-type]
    if single is not None and single.name.startswith("albumentations."):
        transform = _own(single)
        if transform is not None and not adapter.varies(transform):
            return [transform], ""
        return [], "is left to chance"
    return [], "has no counterpart in albumentations"


def _geometry(matrix: Tensor, stage: Stage) -> tuple[list[Any], str]:
    parts: list[Any] = []
    forth = torch.linalg.inv(torch.cat([matrix, matrix.new_tensor([[0, 0, 1]])]))
    swap = matrix.new_tensor([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    square = stage.size[0] == stage.size[1]
    quarter = float((forth.abs() - swap).abs().max()) <= _CLOSE and square  # which keeps its size
    if quarter or sum(part.places.transposes for part in stage.parts if part.places) % 2:
        parts.append(albumentations.Transpose(p=1.0))
        forth = forth @ swap
    mirrored = float(torch.linalg.det(forth)) < 0
    if mirrored:
        forth = forth @ torch.diag(matrix.new_tensor([-1, 1, 1]))
    flip = [albumentations.HorizontalFlip(p=1.0)]
    if float((forth - torch.eye(3)).abs().max()) <= _CLOSE:
        return [*parts, *(flip if mirrored else [])], ""
    if float((forth - torch.diag(matrix.new_tensor([-1, -1, 1]))).abs().max()) <= _CLOSE:
        return [*parts, *([] if mirrored else flip), albumentations.VerticalFlip(p=1.0)], ""
    if stage.fill:
        return (
            [],
            f"fills with {stage.fill:g} of white, by which Affine means other colours on bytes than on floats",
        )
    (a, b, right), (c, d, down), _ = forth.tolist()
    if max(abs(right - round(right)), abs(down - round(down))) > _SLIGHT:
        return [], f"moves by ({right:.3g}, {down:.3g}) pixels, and Affine by whole pixels only"
    # a quarter turn, a scale and a shear make any map that keeps orientation
    if a * d >= -b * c:
        turn, x, y, along, up = (0, a, d, b / d, c / a) if a > 0 else (180, -a, -d, b / d, c / a)
    else:
        turn, x, y, along, up = (90, -c, b, a / c, d / b) if b > 0 else (270, c, -b, a / c, d / b)
    x = -x if mirrored else x  # a flip before it, at no cost
    return [
        *parts,
        albumentations.Affine(
            rotate=(turn, turn),
            scale={"x": (x, x), "y": (y, y)},
            shear={"x": (_degrees(along),) * 2, "y": (_degrees(up),) * 2},
            translate_px={"x": (round(right),) * 2, "y": (round(down),) * 2},
            p=1.0,
        ),
    ], ""


def _values(scale: float, offset: float, low: float, high: float) -> tuple[list[Any], str]:
    parts: list[Any] = []
    if low > _CLOSE or high < 1 - _CLOSE:
        return [], f"keeps values in [{low:g}, {high:g}], which no transform of albumentations does"
    if scale < 0:
        parts, scale, offset = [albumentations.InvertImg(p=1.0)], -scale, scale + offset
    if abs(scale - 1) <= _CLOSE and abs(offset) <= _CLOSE:
        return parts, ""
    if abs(offset) > 1:
        return [], f"adds {offset:g}; albumentations adds at most 1"
    brighter = albumentations.RandomBrightnessContrast(
        brightness_limit=(offset, offset), contrast_limit=(scale - 1, scale - 1), brightness_by_max=True, p=1.0
    )
    return [*parts, brighter], ""


def _own(symbol: aa.Symbol) -> Any:
    """The transform that a word of this plugin names."""
    names = [param.name for param in adapter.resolve(symbol.name).params] if "serialized" not in symbol.name else []
    arguments: list[Any] = [to_python(item) for item in symbol.args]
    if not names:
        return building.load(arguments[0]) if arguments else adapter.build(symbol.name.partition(".")[2], {})
    settings = dict(zip(names, arguments, strict=True))
    settings.pop("seed", None)
    return adapter.build(symbol.name.partition(".")[2], settings)


def _degrees(slope: float) -> float:
    """The angle of a shear, with the sign that albumentations gives it."""
    return -math.degrees(math.atan(slope))
