"""IDX, the file format of MNIST and its relatives.

A file is the magic number ``00 00 TT NN`` (TT the type of the values, 08 for bytes; NN the number of dimensions),
NN big-endian 32-bit sizes, and the values with the last dimension running fastest
(http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from augalgebra.errors import DataError
from augalgebra.pictures import ByteArray

_BYTES = 0x08
_GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path, *, md5: str | None = None) -> ByteArray:
    """Read an IDX file of bytes, gzipped or not.

    Args:
        path: The file.
        md5: What the MD5 of the file or of its *decompressed* bytes must be, in hexadecimal digits. With the latter
            it does not matter how they were compressed.

    Returns:
        The values, with the dimensions that the file says.

    Raises:
        DataError: The file is missing, truncated, no IDX file of bytes, or another one than expected.
    """
    content, checksums = _decompressed(path)
    dimensions = content[3] if len(content) > 3 else 0
    start = 4 + 4 * dimensions
    if content[:3] != bytes((0, 0, _BYTES)) or not dimensions or len(content) < start:
        raise DataError(f"{path} is not an IDX file of bytes (it begins with {content[:4].hex(' ') or 'nothing'})")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise DataError(
            f"{path} is {'truncated' if len(content) < expected else 'too long'}: {len(content)} bytes, "
            f"but its header speaks of {expected}; fetch it again"
        )
    if md5 is not None and md5 not in checksums:
        raise DataError(f"{path} is damaged or another file: neither it nor what it holds has the MD5 {md5}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _decompressed(path: Path) -> tuple[bytes, tuple[str, str]]:
    """What a file holds, and the MD5 of the file and of that."""
    try:
        packed = path.read_bytes()
        content = gzip.decompress(packed) if packed.startswith(_GZIP_MAGIC) else packed
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is truncated or damaged ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return content, (_md5(packed), _md5(content))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
