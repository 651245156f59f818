"""CIFAR-10 in its binary version, the one that needs no unpickling.

A file holds 10,000 records of one byte for the label and 3072 for the pixels: 32×32 red ones row by row, then the
green and the blue (https://www.cs.toronto.edu/~kriz/cifar.html).
"""

import gzip
import hashlib
import os
import tarfile
import zlib
from pathlib import Path

import numpy as np

from augalgebra.errors import DataError
from augalgebra.pictures import ByteArray

FOLDER = "cifar-10-batches-bin"
"""The folder inside the archive."""

TRAINING, TESTING = tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"
CLASSES = 10

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32


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
    members = _from_folder(path) if path.is_dir() else _from_archive(path, md5, records * _RECORD)
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


def _from_folder(folder: Path) -> dict[str, bytes]:
    try:
        return {name: (folder / name).read_bytes() for name in (*TRAINING, TESTING) if (folder / name).is_file()}
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror or error}") from error


def _from_archive(path: Path, md5: str | None, size: int) -> dict[str, bytes]:
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAINING, TESTING)}
    members: dict[str, bytes] = {}
    try:
        with path.open("rb") as file:
            if md5 is not None:
                if hashlib.file_digest(file, "md5").hexdigest() != md5:
                    raise DataError(f"{path} is damaged or another file: it does not have the MD5 {md5}")
                file.seek(0)
            with gzip.open(file) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
                for member in archive:
                    if member.name not in wanted or not member.isreg():
                        continue
                    if member.size != size:  # looked at before anything of that size is read
                        raise DataError(_wrong_size(path, wanted[member.name], member.size, size))
                    content = archive.extractfile(member)
                    members[wanted[member.name]] = content.read() if content is not None else b""
                unpacked.seek(0, os.SEEK_END)  # at the very end gzip compares its own checksum
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is truncated, damaged or no .tar.gz ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return members


def _wrong_size(path: Path, name: str, size: int, expected: int) -> str:
    return f"{path} has a {FOLDER}/{name} of {size} bytes where {expected} are expected; fetch it again"
