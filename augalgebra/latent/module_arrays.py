"""Weights of small modules as named arrays, checked before they are taken."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]


def take_arrays(module: nn.Module, arrays: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    """Put arrays in place of the weights of a module.

    Args:
        module: The module.
        arrays: Its weights by name, float32.
        expected: Those that it has now; the new ones must have their names and shapes.

    Raises:
        ValueError: An array is missing, is one too many, or has another shape or type, or numbers that are not finite.
    """
    if arrays.keys() != expected.keys():
        raise ValueError(f"arrays {sorted(arrays)}")
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.shape != expected[name].shape or not np.isfinite(array).all():
            raise ValueError(f"an array {name} of shape {array.shape} and type {array.dtype}")
    module.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()}, strict=False)
