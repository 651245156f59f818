"""Digits by the shape of their strokes: thickness, slant and intensity, measured and set.

The measures are those of Morpho-MNIST (Castro et al. 2019, https://arxiv.org/abs/1809.10780): thickness is twice the
mean distance from the skeleton to the edge, slant follows from the second moments, and intensity is the median of what
is at least half as bright as the brightest pixel. Bright strokes lie on a dark ground.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from skimage.morphology import skeletonize
from torch import Tensor
from torch.nn import functional

from augalgebra.errors import ImageError, nearest
from augalgebra.image_batches import check_batch, size_text

STROKE_FACTORS = ("thickness", "slant", "intensity")
"""Names of the factors: pixels, degrees (positive where the top leans to the right), brightness in [0, 1]."""

Plane: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Values: TypeAlias = Float[Tensor, " image"]

_LEAST_SIDE = 16
_FINE = 4  # fine pixels along a pixel, on which strokes have sharp edges
_THINNEST = 0.5  # pixels of half a stroke that thinning leaves everywhere
_ROUNDS = 4  # corrections of the thickness
_CLOSE = 0.01  # pixels of thickness that are near enough


def measure_strokes(images: Float[Tensor, "image 1 height width"]) -> dict[str, Values]:
    """Thickness, slant and intensity of each image, float64.

    Args:
        images: Float batch in [0, 1], at least 16 pixels high and wide.

    Raises:
        ImageError: The batch is not of that form, or an image has no stroke.
    """
    planes = _planes(images)
    found = [(_thickness(_fine(plane)), _slant(plane), _intensity(plane)) for plane in planes]
    columns = np.array(found, dtype=np.float64).reshape(-1, len(STROKE_FACTORS)).T
    return {name: torch.from_numpy(column.copy()) for name, column in zip(STROKE_FACTORS, columns, strict=True)}


def set_strokes(
    images: Float[Tensor, "image 1 height width"], **given: float | Tensor
) -> Float[Tensor, "image 1 height width"]:
    """Change some of the factors and leave the others as nearly as can be.

    Slant is set by a shear about the centre, thickness by moving the edge in or out by the same distance everywhere
    (the middle of a stroke stays), intensity by a factor, with what becomes too bright cut off. Thickness and intensity
    that these change on the way are brought back, unless they are given.

    Args:
        images: Float batch in [0, 1], at least 16 pixels high and wide.
        given: For ``thickness``, ``slant`` or ``intensity`` a number, or one for each image. Thickness is above 0,
            slant between -90 and 90 degrees, intensity above 0 and at most 1.

    Raises:
        ImageError: The batch is not of that form, an image has no stroke, there is no such factor, or a value is none
            that strokes can have.
    """
    values = {name: _values(name, value, len(images)) for name, value in given.items()}
    made = np.zeros(tuple(images.shape))
    for number, plane in enumerate(_planes(images)):
        made[number, 0] = _changed(plane, {name: float(column[number]) for name, column in values.items()})
    return torch.from_numpy(made).to(images)


def _values(name: str, given: float | Tensor, images: int) -> Plane:
    """The value of a factor for each image, once it is seen that strokes can have it."""
    if name not in STROKE_FACTORS:
        near = nearest(name, STROKE_FACTORS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ImageError(f"strokes have no {name}; {hint}They have {', '.join(STROKE_FACTORS)}")
    values = np.asarray(given, np.float64).reshape(-1)
    if len(values) not in (1, images):
        raise ImageError(f"{len(values)} values of {name} for {images} images; give one, or one for each")
    possible, told = {
        "thickness": ((values > 0) & (values < math.inf), "be above 0"),
        "slant": (np.abs(values) < 90, "lie between -90 and 90 degrees"),
        "intensity": ((values > 0) & (values <= 1), "be above 0 and at most 1"),
    }[name]
    if not possible.all():
        raise ImageError(f"{name} must {told}, not {values[~possible][0]:g}")
    return np.broadcast_to(values, images)


def _changed(plane: Plane, given: Mapping[str, float]) -> Plane:
    level = given.get("intensity", _intensity(plane))
    if "slant" in given:
        leaning = _leaning(plane, given["slant"])
        if "thickness" not in given:  # a shear changes it, and what undoes that moves the slant a little
            thickness = _thickness(_fine(plane))
            if abs(_thickness(_fine(leaning)) - thickness) >= _CLOSE:
                leaning = _leaning(_thickened(leaning, thickness), given["slant"])
        plane = leaning
    if "thickness" in given:
        plane = _thickened(plane, given["thickness"])
    return (plane * (level / _intensity(plane))).clip(0, 1)


def _planes(images: Tensor) -> Plane:
    check_batch(images)
    if images.shape[1] != 1 or min(images.shape[-2:]) < _LEAST_SIDE:
        raise ImageError(
            f"strokes are measured in grey images of at least {_LEAST_SIDE}×{_LEAST_SIDE} pixels; "
            f"these are {size_text(images)}"
        )
    planes = images[:, 0].detach().cpu().double().numpy()
    # something bright, and more than half of the picture dark
    for number, plane in enumerate(planes):
        bright = plane >= plane.max() / 2
        if plane.max() <= 0.05 or bright.mean() > 0.5:
            what = "it is all dark" if plane.max() <= 0.05 else "most of it is bright"
            raise ImageError(
                f"thickness cannot be read off picture {number}: {what}; bright strokes lie on a dark ground"
            )
    return planes


def _intensity(plane: Plane) -> float:
    return float(np.median(plane[plane >= plane.max() / 2]))


def _slant(plane: Plane) -> float:
    rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]]
    up, right = (plane * rows).sum() / plane.sum() - rows, columns - (plane * columns).sum() / plane.sum()
    return math.degrees(math.atan2(float((plane * up * right).sum()), float((plane * up * up).sum())))


def _leaning(plane: Plane, slant: float) -> Plane:
    return _sheared(plane, math.tan(math.radians(slant)) - math.tan(math.radians(_slant(plane))))


def _sheared(plane: Plane, by: float) -> Plane:
    """Move each row right by so much for each row that it lies above the centre of the strokes."""
    centre = float((plane.sum(1) * np.arange(len(plane))).sum() / plane.sum())
    matrix, shift = np.array([[1, 0], [by, 1]]), np.array([0, -by * centre])
    moved: Plane = ndimage.affine_transform(plane, matrix, shift, order=3)
    return moved.clip(0, 1)


def _fine(plane: Plane) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where strokes are, on fine pixels."""
    grey = torch.from_numpy(plane)[None, None]
    large = functional.interpolate(grey, scale_factor=_FINE, mode="bicubic", align_corners=False)[0, 0].numpy()
    return np.asarray(large >= plane.max() / 2)


def _thickness(strokes: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    inside = ndimage.distance_transform_edt(np.pad(strokes, 1))[1:-1, 1:-1]
    return 2 * float(inside[skeletonize(strokes)].mean()) / _FINE


def _thickened(plane: Plane, target: float) -> Plane:
    strokes, level = _fine(plane), _intensity(plane)
    outwards = ndimage.distance_transform_edt(strokes) - ndimage.distance_transform_edt(~strokes)
    middle = _THINNEST * _FINE - ndimage.distance_transform_edt(~skeletonize(strokes))
    by = target - _thickness(strokes)
    for _ in range(_ROUNDS):
        edge = np.maximum(outwards + by * _FINE / 2, middle)  # distance inwards from the new edge
        blocks = (edge / 2 + 0.5).clip(0, 1).reshape(plane.shape[0], _FINE, plane.shape[1], _FINE)
        made: Plane = level * blocks.mean((1, 3))
        error = target - _thickness(_fine(made))
        if abs(error) < _CLOSE:
            break
        by += error
    return made
