"""What a file of cached codes holds, whichever trainer wrote it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from torch import Tensor

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.errors import DataError

Axes = Literal["nchw", "chw", "cfhw", "fchw"]
"""The dimensions of an array of codes: number of pictures, channel, frame, height, width."""


@dataclass(frozen=True)
class Codes:
    """One array of codes in a file, with what belongs to it.

    Attributes:
        key: Its name.
        axes: Its dimensions.
        copy_key: The name of codes of the same pictures flipped from left to right; "" if the format has none.
        has_copy: Whether they are there.
        size_key: The name of the width and height of the picture before it was cropped, if they are there.
        crop_key: The name of the crop (left, top, right, bottom), in pixels of what was encoded, if it is there.
        mask_key: The name of a mask, as large as what was encoded or as the grid, if it is there.
        moments: Whether channels are means and then log variances.
    """

    key: str
    axes: Axes
    copy_key: str = ""
    has_copy: bool = False
    size_key: str = ""
    crop_key: str = ""
    mask_key: str = ""
    moments: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """All names of it that are in the file."""
        own = (self.key, self.copy_key if self.has_copy else "", self.size_key, self.crop_key, self.mask_key)
        return (self.key, *(name for name in own[1:] if name))

    def channels(self, spec: ArraySpec) -> int:
        """How many channels an array with these dimensions has."""
        return spec.shape[self.axes.index("c")]

    def pictures(self, spec: ArraySpec) -> int:
        """How many pictures it is of."""
        return spec.shape[0] if self.axes[0] == "n" else 1


@dataclass(frozen=True)
class Layout:
    """What there is in a file.

    Attributes:
        codes: The arrays of codes; none in a file that is only carried along.
        carried: The names of arrays that a move leaves as they are.
    """

    codes: tuple[Codes, ...]
    carried: tuple[str, ...] = ()


class CacheFormat(Protocol):
    """A way in which a trainer keeps codes.

    Attributes:
        name: What it is called.
        trainer: Who writes it.
        suffix: How its files end.
        scaled: Whether its trainer stores codes that are shifted and scaled: None if that depends on the model.
    """

    name: str
    trainer: str
    suffix: str
    scaled: bool | None

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether a file with these arrays is of this format, right or wrong."""

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:
        """What there is in a file.

        Args:
            file: The file, of this format.
            carry: Names that are unknown to the format and may be copied as they are.

        Raises:
            DataError: Something in it is unknown, or has another shape than it must have.
        """

    def key_for(self, key: str, height: int, width: int) -> str:
        """The name of an array for a grid of another size."""

    def metadata_for(self, file: ArrayFile, *, transposed: bool) -> Mapping[str, str]:
        """What else a moved file is to say."""

    def name_for(self, path: Path, element: str, *, transposed: bool) -> Path:
        """The name of a moved file.

        Args:
            path: The name of the file.
            element: What is added to tell it from others of the same picture; "" if it takes its place.
            transposed: Whether height and width are exchanged.
        """


class NamedAsItWas:
    """What most formats do: names do not tell sizes."""

    suffix: str

    def key_for(self, key: str, _height: int, _width: int) -> str:
        """The same name."""
        return key

    def metadata_for(self, file: ArrayFile, *, transposed: bool) -> Mapping[str, str]:  # noqa: ARG002 (those that tell sizes need it)
        """The same."""
        return file.metadata

    def name_for(self, path: Path, element: str, *, transposed: bool) -> Path:  # noqa: ARG002 (as above)
        """The element before the suffix: ``a.npz`` becomes ``a.flip_lr.npz``."""
        return path.with_name(f"{path.name.removesuffix(self.suffix)}.{element}{self.suffix}") if element else path


_SIZE_IN_NAME = re.compile(r"_(?P<width>\d{3,})x(?P<height>\d{3,})(?=_[^_]*$)")


def name_with_size(path: Path, element: str, *, transposed: bool) -> Path:
    """The name of a moved file that tells the size of the picture: ``a_0768x0512_sd.npz``.

    The element comes before the size, ``a.rotate_cw_0512x0768_sd.npz``, so that trainers take ``a.rotate_cw`` for the
    name of the picture.
    """
    match = _SIZE_IN_NAME.search(path.name)
    if match is None:
        stem = path.name.removesuffix(path.suffix)
        return path.with_name(f"{stem}.{element}{path.suffix}") if element else path
    sides = match["height"], match["width"]
    sides = sides if transposed else sides[::-1]
    stem = path.name[: match.start()] + (f".{element}" if element else "")
    return path.with_name(f"{stem}_{sides[0]}x{sides[1]}{path.name[match.end() :]}")


def refuse_unknown(file: ArrayFile, known: Collection[str], carry: Collection[str], name: str) -> tuple[str, ...]:
    """The names that are carried along.

    Raises:
        DataError: There is another name that is unknown.
    """
    others = [key for key in file.specs if key not in known]
    for key in others:
        if key not in carry:
            raise DataError(
                f"{file.path} holds {key!r}, which {name} does not keep beside codes; if it may be copied as it is, "
                f"say --carry {key}"
            )
    return tuple(others)


def check_codes(file: ArrayFile, codes: Codes) -> Codes:
    """See that arrays of codes have the dimensions and the type that they must have, and copies those of the first.

    Raises:
        DataError: They have others.
    """
    spec = file.specs[codes.key]
    if len(spec.shape) != len(codes.axes) or 0 in spec.shape:
        names = {"n": "picture", "c": "channel", "f": "frame", "h": "height", "w": "width"}
        raise _misshapen(file, codes.key, ", ".join(names[axis] for axis in codes.axes))
    if not spec.dtype.is_floating_point:
        raise DataError(f"{file.path}: {codes.key or 'the array'} holds {_type(spec)}, and codes are floating numbers")
    if codes.has_copy and file.specs[codes.copy_key].shape != spec.shape:
        raise DataError(
            f"{file.path}: {codes.copy_key} has the shape {list(file.specs[codes.copy_key].shape)} and {codes.key} "
            f"{list(spec.shape)}; a copy has the same, so encode these pictures again"
        )
    for key, length in ((codes.size_key, 2), (codes.crop_key, 4)):
        if key and file.specs[key].shape != (length,):
            raise _misshapen(file, key, str(length))
    if codes.mask_key and len(file.specs[codes.mask_key].shape) != 2:
        raise _misshapen(file, codes.mask_key, "height, width")
    return codes


def _misshapen(file: ArrayFile, key: str, wanted: str) -> DataError:
    shape = list(file.specs[key].shape)
    return DataError(f"{file.path}: {key or 'the array'} has the shape {shape}, not [{wanted}]")


def _type(spec: ArraySpec) -> str:
    return str(spec.dtype).removeprefix("torch.")


def as_batch(codes: Tensor, axes: Axes) -> Tensor:
    """Codes as ``[batch, channel, height, width]``, each frame by itself."""
    if axes == "chw":
        return codes.unsqueeze(0)
    return codes.transpose(0, 1) if axes == "cfhw" else codes


def from_batch(codes: Tensor, axes: Axes) -> Tensor:
    """Undo `as_batch`."""
    if axes == "chw":
        return codes[0]
    return codes.transpose(0, 1) if axes == "cfhw" else codes
