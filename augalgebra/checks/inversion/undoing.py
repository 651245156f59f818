"""Undoing a pipeline on what was predicted from its pictures: masks, logits, boxes and points follow geometry alone."""

from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Num
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.checks.inversion.pixel_maps import Move, source_map, stays_put
from augalgebra.errors import AugalgebraError, ImageError, NotInvertibleError
from augalgebra.hooks import PipelineStep

Kind = Literal["image", "mask", "logits", "boxes", "points"]
"""What is to be brought back to where it was."""
Places: TypeAlias = Num[Tensor, "batch place column"] | Sequence[Num[Tensor, "place column"]]
"""Boxes or points: the same number for each picture, or as many as there are."""
COLUMNS = {"boxes": 4, "points": 2}
_STRAIGHT = 1e-3
"""Largest share of the other side that a map may mix in and still take boxes to boxes."""


def find_moving_steps(
    catalog: Catalog, steps: Sequence[PipelineStep], size: tuple[int, int], seed: int, ids: Sequence[int]
) -> list[int]:
    """The numbers of the steps that move pixels, from 0; the others change values only.

    Args:
        catalog: Where the augmentations are.
        steps: The steps of a pipeline.
        size: Height and width of the pictures they are tried on.
        seed: Seed of what is drawn at random.
        ids: Numbers of the images.
    """
    return [number for number, step in enumerate(steps) if _moves(catalog, step, step.size or size, seed, ids)]


def take_back(
    catalog: Catalog,
    inverse: Word,
    values: Tensor,
    kind: Literal["mask", "logits"],
    *,
    seed: int,
    ids: Sequence[int],
) -> Tensor:
    """Move masks or logits by a word, which moves pixels and leaves their values alone.

    Args:
        catalog: Where the augmentations are.
        inverse: What undoes the movement.
        values: ``[batch, height, width]`` or ``[batch, channel, height, width]``, any type, any number of channels.
        kind: Masks take the nearest pixel; logits are interpolated where no pixel is meant exactly.
        seed: Seed of what is drawn at random.
        ids: Numbers of the images.

    Raises:
        NotInvertibleError: The word does not only move pixels.
    """
    stacked = values[:, None] if values.ndim == 3 else values
    move, count = _move(catalog, inverse, seed, ids)
    try:
        found = source_map(move, (int(stacked.shape[2]), int(stacked.shape[3])), count)
    except ImageError as error:
        raise NotInvertibleError(f"{catalog.display(inverse)} undoes it on images, but {error}") from None
    result = found.take(stacked, smooth=kind == "logits")
    return result[:, 0] if values.ndim == 3 else result


def trace_back(
    catalog: Catalog,
    steps: Sequence[PipelineStep],
    values: Places,
    kind: Literal["boxes", "points"],
    *,
    size: tuple[int, int],
    seed: int,
    ids: Sequence[int],
    accept: Collection[str],
) -> Places:
    """Where boxes or points were before a pipeline.

    Args:
        catalog: Where the augmentations are.
        steps: The steps that were applied.
        values: Their coordinates in the pictures that the pipeline made; further columns stay as they are.
        kind: ``points`` are x, y with (0, 0) in the middle of the first pixel; ``boxes`` are x_min, y_min, x_max, y_max
            with (0, 0) in the corner of the picture, so that the whole picture is 0, 0, width, height.
        size: Height and width of the pictures that the pipeline was applied to.
        seed: Seed of what is drawn at random.
        ids: Numbers of the images.
        accept: ``"approximate"`` takes the upright box around what became of a box.

    Raises:
        NotInvertibleError: A step does not move pixels by an affine map, or turns boxes.
    """
    total = torch.eye(3, dtype=torch.float64).expand(len(ids), 3, 3)
    turning = ""
    for number, step in enumerate(steps, start=1):
        if not _moves(catalog, step, size, seed, ids):
            continue
        move, count = _move(catalog, step.word, seed, ids)
        try:
            affine = source_map(move, size, count).affine()
        except ImageError as error:
            what = f"step {number}, {step.name}, cannot be undone for {kind}"
            raise NotInvertibleError(f"{what}: {error}") from None
        last = torch.tensor([0, 0, 1], dtype=torch.float64).expand(len(affine), 1, 3)
        total = total @ torch.cat([affine, last], 1)
        turning = turning or ("" if _straight(affine) else f"step {number}, {step.name}")
        height, width = move(torch.zeros(count, 3, *size)).shape[2:]
        size = int(height), int(width)
    if kind == "boxes" and "approximate" not in accept and not _straight(total):
        advice = "accept 'approximate' by name if the upright boxes around them will do"
        raise NotInvertibleError(f"{turning}, turns boxes, which are no boxes then; {advice}")
    back = [_moved(part, item, kind) for part, item in zip(_parts(values), total, strict=True)]
    return torch.stack(back) if isinstance(values, Tensor) else back


def check_values(values: Tensor | Places, kind: Kind) -> None:
    """Raise `ImageError` unless the values can be what they are said to be."""
    if kind in COLUMNS:
        columns = COLUMNS[kind]
        for number, part in enumerate(_parts(values)):
            if not isinstance(part, Tensor) or part.ndim != 2 or part.shape[1] < columns or part.is_complex():
                raise ImageError(f"{kind} are a tensor [batch, number, {columns} or more columns], or a list of one "
                                 f"tensor [number, {columns} or more columns] for each picture")  # fmt: skip
            if kind == "boxes" and bool((part[:, :2] > part[:, 2:4]).any()):
                wrong = int((part[:, :2] > part[:, 2:4]).any(1).nonzero()[0, 0])
                raise ImageError(f"box {wrong} of picture {number} ends before it begins; boxes are written "
                                 "x_min, y_min, x_max, y_max, in pixels")  # fmt: skip
        return
    shapes = {"mask": (3, 4), "logits": (4,)}[kind] if kind != "image" else (4,)
    if not isinstance(values, Tensor) or values.ndim not in shapes:
        shape = "[batch, channel, height, width]" + (" or [batch, height, width]" if kind == "mask" else "")
        raise ImageError(f"expected {kind}{'s' * (kind == 'mask')} as a tensor {shape}")
    if kind == "logits" and not values.is_floating_point():
        raise ImageError(f"logits are floating-point numbers, not {values.dtype}; classes are of kind 'mask'")


def _parts(values: Tensor | Places) -> Sequence[Tensor]:
    return list(values)


def _move(catalog: Catalog, word: Word, seed: int, ids: Sequence[int]) -> tuple[Move, int]:
    """A word as a function of pictures, and of how many at once; of one if it does the same to all."""
    drawn = any(symbol.variables for symbol in word.symbols)
    chosen = list(ids) if drawn else [0]
    return lambda images: catalog.apply(word, images, seed=seed, ids=chosen), len(chosen)


def _moves(catalog: Catalog, step: PipelineStep, size: tuple[int, int], seed: int, ids: Sequence[int]) -> bool:
    if step.moves is not None or not step.word:
        return bool(step.moves)
    try:
        return not stays_put(_move(catalog, step.word, seed, ids[:1])[0], size)
    except AugalgebraError:  # not for pictures of this size; what undoes it has to tell
        return True


def _straight(affine: Float[Tensor, "image row column"]) -> bool:
    """Whether maps take upright boxes to upright boxes."""
    plain, crossed = affine[:, [0, 1], [0, 1]].abs(), affine[:, [0, 1], [1, 0]].abs()
    return bool(
        (torch.minimum(plain.amax(1), crossed.amax(1)) <= _STRAIGHT * torch.maximum(plain, crossed).amax(1)).all()
    )


def _moved(places: Num[Tensor, "place column"], affine: Float[Tensor, "3 3"], kind: str) -> Tensor:
    count = COLUMNS[kind]
    kept = places if places.is_floating_point() else places.to(torch.float32)
    points = kept[:, :count].to(torch.float64)
    if kind == "boxes":  # all four corners, which are half a pixel from the middle of the pixels in them
        points = points[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 2) - 0.5
    there = points @ affine[:2, :2].T + affine[:2, 2]
    if kind == "boxes":
        there = (there + 0.5).reshape(-1, 4, 2)
        there = torch.cat([there.amin(1), there.amax(1)], 1)
    return torch.cat([there.to(kept.dtype), kept[:, count:]], 1)
