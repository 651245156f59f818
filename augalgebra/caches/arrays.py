"""Files of arrays: read piece by piece, and written piece by piece, whole or not at all; nothing is unpickled."""

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from torch import Tensor

from augalgebra.errors import DataError, ImageError
from augalgebra.storage import files
from augalgebra.storage.npz import Array, ArrayArchive, map_array

SUFFIXES = (".npz", ".safetensors", ".npy")
"""The kinds of files that are read."""

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class ArraySpec:
    """Shape and type of an array."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """How much it takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class ArrayFile(Protocol):
    """A file of arrays that is open for reading.

    Attributes:
        path: Where it lies.
        specs: What it holds, by name, in the order in which it is written again.
        metadata: What else it says.
    """

    path: Path
    specs: Mapping[str, ArraySpec]
    metadata: Mapping[str, str]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        """An array, or some of its rows.

        Raises:
            DataError: It is damaged.
        """


@dataclass(frozen=True)
class Stream:
    """An array that is to be written, made piece by piece.

    Attributes:
        spec: Its shape and type.
        pieces: Makes its rows, in order.
    """

    spec: ArraySpec
    pieces: Callable[[], Iterable[Tensor]]


class _Archive:
    """An ``.npz``: one picture, read at once."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        archive = stack.enter_context(ArrayArchive(path))
        read = {name: archive.read(name) for name in archive.names}
        self._arrays = {name: _tensor(array, f"{path}: {name}") for name, array in read.items() if array is not None}
        self.specs: Mapping[str, ArraySpec] = {
            name: ArraySpec(tuple(array.shape), array.dtype) for name, array in self._arrays.items()
        }
        self.metadata: Mapping[str, str] = {}

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        array = self._arrays[name]
        return array[start:stop] if array.dim() else array


class _Shard:
    """A ``.safetensors``, mapped into memory."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        from safetensors import SafetensorError, safe_open

        self.path = path
        files.open_regular(path).close()
        try:
            self._file = stack.enter_context(safe_open(path, framework="pt"))
        except SafetensorError as error:
            raise DataError(f"{path} is damaged or cut off ({error}); encode these pictures again") from error
        self.metadata: Mapping[str, str] = self._file.metadata() or {}
        specs = {}
        for name in self._file.keys():  # noqa: SIM118 (no mapping)
            piece = self._file.get_slice(name)
            if piece.get_dtype() not in _DTYPES:
                raise DataError(f"{path}: {name} is of the type {piece.get_dtype()}, which no code is moved in")
            specs[name] = ArraySpec(tuple(piece.get_shape()), _DTYPES[piece.get_dtype()])
        self.specs: Mapping[str, ArraySpec] = specs

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        whole = (start == 0 and stop is None) or not self.specs[name].shape
        tensor: Tensor = self._file.get_tensor(name) if whole else self._file.get_slice(name)[start:stop]
        return tensor


class _Stack:
    """An ``.npy``, mapped into memory; its array has the name ``""``."""

    def __init__(self, path: Path, _stack: ExitStack) -> None:
        self.path = path
        try:
            self._array = map_array(path)
        except ImageError as error:
            raise DataError(str(error)) from error
        self.metadata: Mapping[str, str] = {}
        kind = _tensor(np.empty(0, self._array.dtype), str(path)).dtype
        self.specs: Mapping[str, ArraySpec] = {"": ArraySpec(tuple(self._array.shape), kind)}

    def read(self, _name: str, start: int = 0, stop: int | None = None) -> Tensor:
        return _tensor(np.array(self._array[start:stop] if self._array.ndim else self._array), str(self.path))


def _open(path: Path, stack: ExitStack) -> ArrayFile:
    if path.suffix == ".npz":
        return _Archive(path, stack)
    return _Shard(path, stack) if path.suffix == ".safetensors" else _Stack(path, stack)


@contextmanager
def open_arrays(path: Path) -> Iterator[ArrayFile]:
    """Open a file of arrays.

    Raises:
        DataError: It is missing, damaged, cut off, or holds Python objects.
    """
    with ExitStack() as stack:
        try:
            file: ArrayFile = _open(path, stack)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
        yield file


def write_arrays(path: Path, arrays: Mapping[str, Stream], metadata: Mapping[str, str] | None = None) -> str:
    """Write a file of arrays; it takes the place of what is there when it is whole. A symbolic link stays one.

    Args:
        path: The file; missing folders are made.
        arrays: What is to be in it. For ``.npy`` one, with the name ``""``.
        metadata: What else it is to say (``.safetensors`` alone).

    Returns:
        SHA-256 of its content in hexadecimal digits.

    Raises:
        AugalgebraError: It cannot be written.
    """
    writers = {".npz": _write_archive, ".safetensors": _write_shard, ".npy": _write_stack}
    with files.naming_failures(path):
        path = Path(os.path.realpath(path))
        files.make_folder(path.parent)
        with files.open_replacement(path) as file:
            return writers[path.suffix](_Digest(file), arrays, metadata or {}).hexdigest()


class _Digest:
    """Writes, and takes the digest of what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        files.write(self._file, data)

    def write_pieces(self, stream: Stream) -> None:
        for piece in stream.pieces():
            self.write(piece.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _write_archive(out: _Digest, arrays: Mapping[str, Stream], _metadata: Mapping[str, str]) -> _Digest:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # numpy.savez takes no array called file
        for name, stream in arrays.items():
            pieces = list(stream.pieces())
            whole = (torch.cat(pieces) if len(pieces) > 1 else pieces[0]).numpy()
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, whole, allow_pickle=False)
    out.write(content.getvalue())
    return out


def _write_shard(out: _Digest, arrays: Mapping[str, Stream], metadata: Mapping[str, str]) -> _Digest:
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, stream in arrays.items():
        begin, end = end, end + stream.spec.bytes
        shape = list(stream.spec.shape)
        header[name] = {"dtype": _NAMES[stream.spec.dtype], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that arrays begin where a processor likes to read them
    out.write(struct.pack("<Q", len(text)) + text)
    for stream in arrays.values():
        out.write_pieces(stream)
    return out


def _write_stack(out: _Digest, arrays: Mapping[str, Stream], _metadata: Mapping[str, str]) -> _Digest:
    (stream,) = arrays.values()
    kind = torch.empty(0, dtype=stream.spec.dtype).numpy().dtype
    head = io.BytesIO()
    said = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": stream.spec.shape}
    np.lib.format.write_array_header_1_0(head, said)
    out.write(head.getvalue())
    out.write_pieces(stream)
    return out


def _tensor(array: Array, where: str) -> Tensor:
    """An array as a tensor, with the bytes of a number in the order of this machine."""
    try:
        return torch.from_numpy(
            np.require(array.astype(array.dtype.newbyteorder("="), copy=False), requirements=["C", "W"])
        )
    except TypeError as error:
        raise DataError(f"{where} is of the type {array.dtype}, which is no plain number") from error
