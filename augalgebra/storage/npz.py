"""Arrays in ``.npz`` and ``.npy``: nothing is unpickled, and no array is read before its size was looked at."""

import io
import math
import warnings
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np

from augalgebra.errors import ImageError
from augalgebra.storage.files import open_regular, unpacks_too_much

__all__ = ["Array", "ArrayArchive", "map_array"]

Array: TypeAlias = np.ndarray[Any, Any]

_PLAIN = "?biufSU"  # the kinds of numbers and text
_MOST_DIMENSIONS = 8
_LONGEST_HEADER = 2**16
_LONGEST_REASON = 200


class ArrayArchive:
    """An ``.npz`` that is open for reading; only the arrays that are asked for are read.

    Attributes:
        path: Where it lies.
        names: What it holds.

    Raises:
        ImageError: It is missing, damaged, or no ``.npz``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open_regular(path)
        except FileNotFoundError as error:
            raise ImageError(f"there is no file {path}") from error
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            begins = self._file.read(6)
            self._size = self._file.seek(0, io.SEEK_END)
            self._archive = zipfile.ZipFile(self._file)
            _check_directory(self._file, len(self._archive.infolist()))
        except Exception as error:  # zipfile raises whatever occurs to it when a directory is damaged
            self._file.close()
            if begins.startswith(b"PK"):
                raise ImageError(f"{path} is damaged or cut off ({_reason(error)}); write it again") from error
            one_array = begins == np.lib.format.MAGIC_PREFIX  # as numpy.save writes it
            why = "it is one array without a name" if one_array else _reason(error)
            raise ImageError(f"{path} cannot be read as an .npz: {why}; write it with numpy.savez") from error
        self.names = tuple(name.removesuffix(".npy") for name in self._archive.namelist())
        self._unpacked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()
        self._file.close()

    def read(self, name: str) -> Array | None:
        """An array of numbers or text, or None if there is none of this name.

        Raises:
            ImageError: It is damaged, encrypted, too large for the size of the file, or holds Python objects.
        """
        if name not in self.names:
            return None
        try:
            with warnings.catch_warnings(action="ignore"):
                return self._read(name)
        except ImageError as error:
            raise ImageError(f"{self.path}: {name} {error}") from error.__cause__
        except Exception as error:  # as above, and numpy likewise
            raise ImageError(f"{self.path}: {name} is damaged: {_reason(error)}; save it anew") from error

    def _read(self, name: str) -> Array:
        info = self._archive.getinfo(f"{name}.npy")
        self._check_packing(info)
        with self._archive.open(info) as stream:
            _check_header(stream.read(_LONGEST_HEADER), info.file_size)
        with self._archive.open(info) as stream:
            array: Array = np.lib.format.read_array(stream, allow_pickle=False)
        return array

    def _check_packing(self, info: zipfile.ZipInfo) -> None:
        if info.flag_bits & 1:
            raise ImageError("is encrypted; save it without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ImageError(f"is compressed by method {info.compress_type}; save it with numpy.savez_compressed")
        if info.compress_size > self._size:
            raise ImageError("is damaged: it is said to be larger than the file; save it anew")
        self._unpacked += info.file_size
        if unpacks_too_much(self._unpacked, self._size):
            raise ImageError(
                f"would unpack to {info.file_size / 2**20:,.0f} MiB from a file of {self._size / 2**20:,.1f}; "
                "if that is meant, save it with numpy.savez, which does not compress"
            )


def map_array(path: Path) -> Array:
    """The array of numbers or text in an ``.npy``, read-only; what is not looked at is not read.

    Raises:
        ImageError: The file is missing or damaged, or holds Python objects.
    """
    try:
        with open_regular(path) as file:
            head = file.read(_LONGEST_HEADER)
            _check_header(head, file.seek(0, io.SEEK_END))
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
    except ImageError as error:
        raise ImageError(f"{path} {error}") from error.__cause__
    except Exception as error:  # numpy raises whatever occurs to it when a header is damaged
        raise ImageError(f"{path} is no .npy or damaged: {_reason(error)}; write it with numpy.save") from error
    return array


def _check_directory(file: BinaryIO, entries: int) -> None:
    """See that the directory of an archive has as many entries as it says, which zipfile does not look at."""
    file.seek(-22, io.SEEK_END)  # where it ends in 22 bytes, unless a comment follows
    end = file.read()
    if end.startswith(b"PK\5\6") and int.from_bytes(end[10:12], "little") != entries & 0xFFFF:
        raise zipfile.BadZipFile("its directory is damaged")


def _check_header(head: bytes, size: int) -> None:
    """See that an array is plain and takes the bytes that are there, before memory is set aside for it.

    Args:
        head: How it begins.
        size: Bytes of header and values.
    """
    stream = io.BytesIO(head)
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ImageError(f"is in an unknown format, {version}; save it with numpy.savez")
    shape, _, dtype = readers[version](stream)
    if dtype.hasobject:
        raise ImageError("holds Python objects, which are never unpickled; save numbers or text: array.astype(str)")
    if dtype.kind not in _PLAIN or not dtype.itemsize:
        raise ImageError(f"is of the type {str(dtype)[:_LONGEST_REASON]}; save plain numbers or text")
    if len(shape) > _MOST_DIMENSIONS:
        raise ImageError(f"has {len(shape)} dimensions; images have at most 4, labels have one")
    expected, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if min(shape, default=0) < 0 or expected != there:
        said = f"{expected}" if abs(expected) < 1e15 else f"{expected:.4g}"
        raise ImageError(f"is damaged: its header speaks of {said} bytes, there are {there}; save it anew")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
