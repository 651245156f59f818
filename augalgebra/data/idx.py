"""IDX, the file format of MNIST and its relatives.

A file is the magic number ``00 00 TT NN`` (TT the type of the values, 08 for bytes; NN the number of dimensions),
NN big-endian 32-bit sizes, and the values with the last dimension running fastest
(http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import hashlib
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from augalgebra.errors import DataError
from augalgebra.images import ByteArray
from augalgebra.storage.files import open_regular, unpacks_too_much

_BYTES = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_DIMENSIONS = 8


def read_idx(path: Path, *, md5: str | None = None, shape: tuple[int, ...] | None = None) -> ByteArray:
    """Read an IDX file of bytes, gzipped or not.

    Args:
        path: The file.
        md5: What the MD5 of the file or of its *decompressed* bytes must be, in hexadecimal digits. With the latter
            it does not matter how they were compressed.
        shape: The dimensions it must have; if they are not known, it must not unpack to far more than its size.

    Returns:
        The values, with the dimensions that the file says.

    Raises:
        DataError: The file is missing, truncated, no IDX file of bytes, or another one than expected.
    """
    try:
        with open_regular(path) as file:
            packed = file.read(2) == _GZIP_MAGIC
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if packed:
                with gzip.open(file) as stream:
                    head, found = _read_head(path, stream, size, shape)
                    content = _read_values(path, stream, head, math.prod(found))
            else:
                head, found = _read_head(path, file, size, shape)
                content = _read_values(path, file, head, math.prod(found))
            if md5 is not None and hashlib.md5(head + content, usedforsecurity=False).hexdigest() != md5:
                file.seek(0)
                if hashlib.file_digest(file, "md5").hexdigest() != md5:
                    raise DataError(
                        f"{path} is damaged or another file: neither it nor what it holds has the MD5 {md5}"
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is truncated or damaged ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return np.frombuffer(content, np.uint8).reshape(found)


def _read_head(
    path: Path, stream: BinaryIO | gzip.GzipFile, size: int, wanted: tuple[int, ...] | None
) -> tuple[bytes, tuple[int, ...]]:
    """The header and the dimensions that it speaks of, which are looked at before memory is set aside for the values.

    Args:
        path: The file, for messages.
        stream: What it holds.
        size: Its size as it lies there.
        wanted: The dimensions it must have, if they are known.
    """
    head = stream.read(4)
    dimensions = head[3] if len(head) == 4 else 0
    rest = stream.read(4 * dimensions)
    if head[:3] != bytes((0, 0, _BYTES)) or not 0 < dimensions <= _MOST_DIMENSIONS or len(rest) < 4 * dimensions:
        raise DataError(f"{path} is not an IDX file of bytes (it begins with {head.hex(' ') or 'nothing'})")
    shape = struct.unpack(f">{dimensions}I", rest)
    if wanted is not None and shape != wanted:
        times = ["×".join(map(str, item)) for item in (shape, wanted)]
        raise DataError(f"{path} is another file: it holds {times[0]} values, not {times[1]}; fetch it again")
    if wanted is None and unpacks_too_much(math.prod(shape), size):
        raise DataError(f"{path} is damaged: it speaks of {math.prod(shape):.4g} values in a file of {size} bytes")
    return head + rest, shape


def _read_values(path: Path, stream: BinaryIO | gzip.GzipFile, head: bytes, number: int) -> bytes:
    content = stream.read(number)
    if len(content) < number:
        there, expected = len(head) + len(content), len(head) + number
        raise DataError(f"{path} is truncated: {there} bytes, but its header speaks of {expected}; fetch it again")
    if stream.read(1):  # at the end gzip compares its own checksum as well
        raise DataError(
            f"{path} is too long: its header speaks of {len(head) + number} bytes, and there are more; fetch it again"
        )
    return content
