"""When two images count as equal, and when an image counts as moved."""

import math
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.augmentation import Augmentation
from augalgebra.catalog import Catalog

Norm: TypeAlias = Literal["max", "rms"]
"""``max``: the largest absolute difference of two pixels; ``rms``: the root mean square over the pixels."""

# about a hundred rounding errors of a value in [0, 1]: room for a filter's sum, none for what can be seen
_BY_TYPE = {torch.float16: 5e-2, torch.bfloat16: 1e-1, torch.float32: 1e-5, torch.float64: 1e-12}

# An image that moves by less than the tolerance tells nothing: an augmentation that did not move it at all would pass.
MOVED_EXACT = 10.0
"""How many times the tolerance an image has to move before an exact law tells something about it."""
MOVED_APPROXIMATE = 1.5
"""The same for approximate laws, whose tolerances are large already."""
NEAR_RMS = 0.03
"""Largest root-mean-square error at which an equation that nobody declared is called approximately true."""
NEAR_SHARE = 0.25
"""Largest share of the displacement that such an error may be."""


def tolerance_of(dtype: torch.dtype) -> float:
    """Largest absolute error of pixels at which exact laws still hold in this data type."""
    return _BY_TYPE[dtype]


def exact_tolerance(catalog: Catalog, words: tuple[Word, ...], dtype: torch.dtype) -> float:
    """The tolerance for words: that of the data type, or a larger one that an augmentation in them declares."""
    augmentations: list[Augmentation] = [catalog.resolve(s.name) for word in words for s in word.symbols]
    return max([tolerance_of(dtype), *(a.tolerance for a in augmentations if a.tolerance is not None)])


def differences(
    left: Float[Tensor, "image channel height width"],
    right: Float[Tensor, "image channel height width"],
    norm: Norm,
) -> Float[Tensor, " image"]:
    """How far each image is from its counterpart; infinitely far where the sizes differ."""
    if left.shape != right.shape:
        return torch.full((len(left),), math.inf, dtype=left.dtype)
    apart = (left - right).flatten(1)
    return apart.abs().amax(1) if norm == "max" else apart.square().mean(1).sqrt()
