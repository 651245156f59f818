"""CIFAR-10 in its binary version, the one that needs no unpickling.

A file holds 10,000 records of one byte for the label and 3072 for the pixels: 32×32 red ones row by row, then the
green and the blue (https://www.cs.toronto.edu/~kriz/cifar.html).
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from pathlib import Path

import numpy as np

from augalgebra.errors import DataError
from augalgebra.images import ByteArray
from augalgebra.storage.files import open_regular

FOLDER = "cifar-10-batches-bin"
"""The folder inside the archive."""

TRAINING, TESTING = tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"
CLASSES = 10

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
_TAR_RECORD = 1 << 16


def read_cifar10(path: Path, *, md5: str | None = None, records: int = 10_000) -> tuple[ByteArray, ...]:
    """Read the archive, or the folder that it unpacks to.

    Members of the archive are read by their names into memory; nothing is written to disk.

    Args:
        path: ``cifar-10-binary.tar.gz`` or ``cifar-10-batches-bin``.
        md5: What the MD5 of the archive must be, in hexadecimal digits; a folder has none.
        records: Images in each file.

    Returns:
        Images for training ``[image, 3, 32, 32]``, their labels, images for testing, their labels.

    Raises:
        DataError: The file is missing, damaged, not the published one, or has a member of another size.
    """
    members = _from_folder(path, records * _RECORD) if path.is_dir() else _from_archive(path, md5, records * _RECORD)
    for name in (*TRAINING, TESTING):
        if name not in members:
            raise DataError(f"{path} lacks {FOLDER}/{name}; it is not the binary version of CIFAR-10")
        if len(members[name]) != records * _RECORD:
            raise DataError(_wrong_size(path, name, len(members[name]), records * _RECORD))
    results: list[ByteArray] = []
    for names in (TRAINING, (TESTING,)):
        rows = np.concatenate([np.frombuffer(members[name], np.uint8).reshape(-1, _RECORD) for name in names])
        if rows[:, 0].max() >= CLASSES:
            raise DataError(f"{path} is damaged: it has a label {rows[:, 0].max()}, but there are {CLASSES} classes")
        results += [rows[:, 1:].reshape(-1, *_SHAPE), rows[:, 0]]
    return tuple(results)


def _from_folder(folder: Path, size: int) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for name in (*TRAINING, TESTING):
        path = folder / name
        try:
            if not path.exists():
                continue
            with open_regular(path) as file:
                members[name] = file.read(size + 1)  # one more shows that there are too many
                there = file.seek(0, 2)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        if there != size:
            raise DataError(_wrong_size(folder, name, there, size))
    return members


def _from_archive(path: Path, md5: str | None, size: int) -> dict[str, bytes]:
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAINING, TESTING)}
    members: dict[str, bytes] = {}
    try:
        with open_regular(path) as file:
            if md5 is not None:
                if hashlib.file_digest(file, "md5").hexdigest() != md5:
                    raise DataError(f"{path} is damaged or another file: it does not have the MD5 {md5}")
                file.seek(0)
            with gzip.open(file) as unpacked:
                # what tar puts around the files takes less than they do
                bounded = _Bounded(path, unpacked, 2 * size * len(wanted) + _TAR_RECORD)
                with tarfile.open(fileobj=bounded, mode="r|") as archive:
                    for member in archive:
                        if member.name not in wanted or not member.isreg():
                            continue
                        if member.size != size:  # looked at before anything of that size is read
                            raise DataError(_wrong_size(path, wanted[member.name], member.size, size))
                        content = archive.extractfile(member)
                        members[wanted[member.name]] = content.read() if content is not None else b""
                while bounded.read(1 << 20):  # at the very end gzip compares its own checksum
                    pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise DataError(f"{path} is truncated, damaged or no .tar.gz ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return members


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where it gives more than it may."""

    def __init__(self, path: Path, stream: gzip.GzipFile, most: int) -> None:
        self._path, self._stream, self._left = path, stream, most

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, which has to be given."""
        content = self._stream.read(min(size, self._left + 1))
        self._left -= len(content)
        if self._left < 0:
            raise DataError(f"{self._path} unpacks to far more than CIFAR-10 has; fetch it again")
        return content


def _wrong_size(path: Path, name: str, size: int, expected: int) -> str:
    return f"{path} has a {FOLDER}/{name} of {size} bytes where {expected} are expected; fetch it again"
