"""What images were drawn from, as arrays beside them in an ``.npz``."""

import re
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.errors import DataError
from augalgebra.storage.npz import ArrayArchive
from augalgebra.storage.values import shown_name

FACTOR = "factor_"
"""What the names of such arrays begin with; the rest is the name of the factor."""
FACTOR_NAME = r"[A-Za-z_]\w*"
"""What such a name may be, so that formulas, edges and values can say it, as a regular expression."""


def read_factors(path: Path, archive: ArrayArchive, images: int) -> dict[str, Float[Tensor, " image"]]:
    """The factors in an archive, float64, by name.

    Args:
        path: The file, for messages.
        archive: Its arrays.
        images: How many images there are.

    Raises:
        DataError: One has not a finite number for each image, or a name that none can have; the message says which.
    """
    factors = {}
    for key in archive.names:
        if not key.startswith(FACTOR):
            continue
        if not re.fullmatch(FACTOR_NAME, key.removeprefix(FACTOR)):
            raise DataError(
                f"{path}: {shown_name(key)} is no name of a factor; write {FACTOR}NAME, where NAME has letters, digits "
                "and underscores alone and begins with no digit"
            )
        values = archive.read(key)
        if values is None or values.shape not in ((images,), (images, 1)):
            shape = "no" if values is None else " × ".join(map(str, values.shape)) or "one"
            raise DataError(
                f"{path} has {images} images with {shape} values of {shown_name(key)}; each needs exactly one"
            )
        if values.dtype.kind not in "biuf":
            raise DataError(f"{path}: {shown_name(key)} is of the type {values.dtype}; factors are numbers")
        column = torch.from_numpy(values.reshape(-1).astype(np.float64))
        wrong = ~column.isfinite()
        if bool(wrong.any()):
            row = int(wrong.int().argmax())
            raise DataError(f"{path}: {shown_name(key)}[{row}] is {float(column[row])}; factors are finite numbers")
        factors[key.removeprefix(FACTOR)] = column
    return factors
