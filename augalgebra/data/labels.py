"""Labels as their owner wrote them, as numbers of classes with names."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from augalgebra.errors import DataError

Array: TypeAlias = np.ndarray[Any, Any]
Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

_LONGEST_NAME = 256


def number_classes(
    source: str, labels: Sequence[tuple[str, Array | None, int]]
) -> tuple[list[Numbers], tuple[str, ...]]:
    """Turn the labels of the parts of a data set into whole numbers.

    Args:
        source: Where they come from, for messages.
        labels: For each part what its labels are called, the labels or None, and how many images it has. Labels are
            text, or whole numbers of any type, ``[image]`` or ``[image, 1]``.

    Returns:
        The numbers of each part, 0 where it has no labels; and the names of the classes, in order, if labels are text.

    Raises:
        DataError: There is not one label for each image, or one of them is NaN, a fraction, too large or empty; the
            message says where. Or only some parts have text.
    """
    rows = [(name, None if values is None else _as_row(source, name, values, count)) for name, values, count in labels]
    texts = [values is not None and values.dtype.kind == "U" for _, values in rows]
    if not any(texts):
        numbers = [
            np.zeros(count, np.int64) if values is None else _as_numbers(source, name, values)
            for (name, values), (_, _, count) in zip(rows, labels, strict=True)
        ]
        return numbers, ()
    if not all(texts):
        raise DataError(
            f"{source}: {rows[texts.index(True)][0]} is text, {rows[texts.index(False)][0]} is not; "
            "name the classes of all images, or of none"
        )
    parts = [values for _, values in rows if values is not None]
    names, places = np.unique(np.concatenate(parts), return_inverse=True)
    return np.split(places.astype(np.int64), np.cumsum([len(part) for part in parts])[:-1]), tuple(names.tolist())


def _as_row(source: str, name: str, values: Array, count: int) -> Array:
    """The labels as one row of text or numbers."""
    if values.shape == (count, 1):
        values = values[:, 0]
    if values.shape != (count,):
        shape = f"{values.size}" if values.ndim == 1 else f"{' × '.join(map(str, values.shape))}"
        raise DataError(
            f"{source} has {count} images with {shape} labels ({name}); each needs exactly one"
            + ("; of one column for each class, save the argmax(1)" if values.ndim == 2 else "")
        )
    if values.dtype.kind not in "SU":
        return values
    if values.dtype.itemsize > 4 * _LONGEST_NAME:
        raise DataError(f"{source}: {name} has text of {values.dtype}; names of classes have at most {_LONGEST_NAME}")
    text = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
    empty = np.flatnonzero(text == "")
    if len(empty):
        raise DataError(f"{source}: {name}[{empty[0]}] is empty; name the class of each image")
    return text


def _as_numbers(source: str, name: str, values: Array) -> Numbers:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{source}: {name} is of the type {values.dtype}; labels are text or whole numbers")
    if values.dtype.kind == "f":
        values = values.astype(
            np.promote_types(values.dtype, np.float64)
        )  # -2⁶³ and 2⁶³ are not among the smaller ones
        fine = np.isfinite(values) & (values == np.floor(values)) & (values >= -(2.0**63)) & (values < 2.0**63)
    else:
        fine = values <= np.iinfo(np.int64).max
    if not fine.all():
        row = int(fine.argmin())
        raise DataError(f"{source}: {name}[{row}] is {values[row]}; labels are text or whole numbers below 2⁶³")
    return values.astype(np.int64)
