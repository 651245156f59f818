"""Digits whose strokes have causes: thickness, slant and intensity are drawn at random, and digits changed to them.

Thickness and intensity are those of the synthetic set of Pawlowski, Castro and Glocker 2020
(https://arxiv.org/abs/2006.06485, section 4): with e drawn anew for each image and σ the logistic function

    thickness = 0.5 + e₁            pixels                   e₁ of the gamma law of shape 10 and rate 5
    intensity = 191 σ(2 thickness - 5 + e₂ / 2) + 64         e₂ of the normal law; of 255 shades

So thick strokes are bright, and making them thicker makes them brighter. Slant is not in that set. It is drawn alone:

    slant = 10 e₃                   degrees                  e₃ of the normal law

Digits are changed by `augalgebra.data.drawn.strokes`, which differs from what the published images were made by.
"""

import contextlib
import functools
import hashlib
import inspect
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.download import cache_folder
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.images import Array, ByteArray
from augalgebra.seeds import derived_seed
from augalgebra.storage.files import write_atomically
from augalgebra.storage.npz import map_array

Values: TypeAlias = Float[Tensor, " image"]

STROKE_CAUSES: Mapping[str, tuple[str, ...]] = {"thickness": (), "slant": (), "intensity": ("thickness",)}
"""What each factor is caused by."""
PICTURES_DRAWN = "pictures drawn"
"""What progress is of while pictures are drawn: it counts them, and no bytes."""

_SHAPE, _RATE, _THINNEST = 10.0, 5.0, 0.5
_SLANT = 10.0  # degrees
_DARKEST, _SHADES, _WHITE = 64.0, 191.0, 255.0
_SLOPE, _MIDDLE, _SPREAD = 2.0, 5.0, 0.5
_ROWS = 250  # images that a process is given at once


def cause_intensity(thickness: Float[Tensor, " image"], noise: Float[Tensor, " image"]) -> Values:
    """The intensity, in [0, 1], that a thickness in pixels causes, for noise of the normal law."""
    lit: Tensor = (_SLOPE * thickness - _MIDDLE + _SPREAD * noise).sigmoid()
    return (_SHADES * lit + _DARKEST) / _WHITE


def infer_intensity_noise(thickness: Float[Tensor, " image"], intensity: Float[Tensor, " image"]) -> Values:
    """The noise at which a thickness causes an intensity: what `cause_intensity` undoes.

    It is infinite or NaN for an intensity that no thickness causes: up to 64/255, and of 1.
    """
    lit: Tensor = ((_WHITE * intensity - _DARKEST) / _SHADES).logit()
    return (lit - _SLOPE * thickness + _MIDDLE) / _SPREAD


def draw_stroke_factors(number: int, seed: int = 0) -> dict[str, Values]:
    """Draw thickness in pixels, slant in degrees and intensity in [0, 1] by the equations of this module.

    Args:
        number: How many of each.
        seed: Seed of all of them.
    """
    generator = np.random.default_rng(derived_seed(seed, "strokes"))
    thickness = torch.from_numpy(_THINNEST + generator.standard_gamma(_SHAPE, number) / _RATE)
    noise, slant = (torch.from_numpy(generator.standard_normal(number)) for _ in range(2))
    return {"thickness": thickness, "slant": _SLANT * slant, "intensity": cause_intensity(thickness, noise)}


def draw_strokes(
    digits: UInt8[Tensor, "image 1 height width"],
    factors: Mapping[str, Values],
    *,
    folder: Path | None = None,
    progress: CaseProgress = unseen,
) -> tuple[UInt8[Tensor, "image 1 height width"], tuple[str, ...]]:
    """Change digits to these factors, all processors at work, or read them if that was done before.

    A digit takes about 9 ms. The images are kept under a name that depends on the digits, the factors and the code that
    changes them.

    Args:
        digits: Bright strokes on a dark ground.
        factors: A value for each digit, by name.
        folder: Where they are kept; by default a folder of the user's cache.
        progress: Called with the number of digits done.

    Returns:
        The images, and what is to be said of them.

    Raises:
        ImageError: A digit has no strokes.
    """
    file = (cache_folder() / "strokes" if folder is None else folder) / f"{_digest(digits, factors)}.npy"
    with contextlib.suppress(ImageError):  # not there, or damaged since
        kept = map_array(file)
        if kept.shape == tuple(digits.shape) and kept.dtype == np.uint8:
            return torch.from_numpy(np.array(kept)), ()
    drawn = _draw_all(digits.numpy(), {name: values.numpy() for name, values in factors.items()}, progress)
    content = io.BytesIO()
    np.save(content, drawn)
    remarks: tuple[str, ...] = ()
    try:
        write_atomically(file, content.getvalue())
    except AugalgebraError as error:
        remarks = (f"the digits that were drawn will have to be drawn again: {error}",)
    return torch.from_numpy(drawn), remarks


def _draw_all(digits: ByteArray, factors: Mapping[str, Array], progress: CaseProgress) -> ByteArray:
    import joblib  # which only those who draw have to wait for

    parts = [slice(start, start + _ROWS) for start in range(0, len(digits), _ROWS)]
    pool = joblib.Parallel(n_jobs=-1 if len(parts) > 1 else 1, return_as="generator")
    work = (
        joblib.delayed(_draw)(digits[part], {name: values[part] for name, values in factors.items()}) for part in parts
    )
    drawn = np.empty(digits.shape, np.uint8)
    progress(0, len(digits), PICTURES_DRAWN)
    for part, made in zip(parts, pool(work), strict=True):
        drawn[part] = made
        progress(min(part.stop, len(digits)), len(digits), PICTURES_DRAWN)
    return drawn


def _draw(digits: ByteArray, factors: Mapping[str, Array]) -> ByteArray:
    from augalgebra.data.drawn.strokes import set_strokes  # scikit-image takes a while, and only those who draw need it

    images = torch.from_numpy(digits).double() / 255
    made = set_strokes(images, **{name: torch.from_numpy(factors[name]) for name in STROKE_CAUSES})
    return (made * 255).round().byte().numpy()


def _digest(digits: Tensor, factors: Mapping[str, Values]) -> str:
    digest = hashlib.sha256(_source())
    digest.update(repr(tuple(digits.shape)).encode())
    for values in (digits, *(factors[name] for name in STROKE_CAUSES)):
        digest.update(values.contiguous().numpy().data)
    return digest.hexdigest()[:32]


@functools.cache
def _source() -> bytes:
    """The code that decides what is drawn."""
    from augalgebra.data.drawn import strokes

    return (inspect.getsource(strokes) + inspect.getsource(_draw)).encode()
