"""One picture out of a file or of bytes, upright, in grey or colour."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from PIL import Image, UnidentifiedImageError

from augalgebra.errors import ImageError
from augalgebra.storage.files import open_regular

__all__ = [
    "MOST_PIXELS",
    "REDUCING_GAP",
    "PackedPicture",
    "Picture",
    "decode",
    "decode_picture",
    "in_mode",
    "read_size",
]

MOST_PIXELS = 2**26
"""The largest picture that is read; some cameras of 108 million pixels go beyond."""

REDUCING_GAP = 2.0
"""A picture may be made smaller in steps that average pixels, down to so many times the size that is wanted."""

# What a picture may be whatever its name says: not EPS, for which Pillow starts an interpreter of PostScript.
_FORMATS = ("BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "TGA", "TIFF", "WEBP")
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright whose EXIF data has this orientation (EXIF 2.32, tag 0x0112)."""


@dataclass(frozen=True)
class PackedPicture:
    """A picture that is no file of its own.

    Attributes:
        name: What it is called in messages.
        content: What a file of it would hold.
    """

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name


Picture: TypeAlias = Path | PackedPicture
"""Where a picture is read from."""


def decode_picture(path: Path) -> tuple[Image.Image, list[str]]:
    """Read a picture, upright as its EXIF data says, in grey (mode L) or colour (mode RGB).

    Returns:
        The picture, and what was done to it: see `read_pictures`.

    Raises:
        ImageError: It cannot be read; the message is the reason alone.
    """
    with warnings.catch_warnings(action="ignore"):
        return decode(path)


def read_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as it is stored, from its first bytes.

    Raises:
        ImageError: It cannot be read; the message is the reason alone.
    """
    with warnings.catch_warnings(action="ignore"), _opened(path) as picture:
        return picture.height, picture.width


def decode(source: Picture, side: int | None = None) -> tuple[Image.Image, list[str]]:
    """A picture as `decode_picture` reads it, perhaps smaller where its shorter side will be scaled to `side` pixels.

    Pillow's warnings are left to the caller: in several threads at once they cannot be caught.
    """
    with _opened(source) as picture:
        if side is not None:
            least = round(REDUCING_GAP * side)
            picture.draft(None, (least, least))  # a JPEG is decoded to an eighth of its size several times sooner
        return _plain(picture)


@contextlib.contextmanager
def _opened(source: Picture) -> Iterator[Image.Image]:
    """A picture of which the first bytes are read and found well; the error says why it cannot be read."""
    try:
        with _stream(source) as stream, Image.open(stream, formats=_FORMATS) as picture:
            _check_head(picture)
            yield picture
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError("it is none of the kinds that are read, or damaged") from error
    except FileNotFoundError as error:
        is_link = isinstance(source, Path) and source.is_symlink()
        raise ImageError("it is a link to nowhere" if is_link else "there is no file there") from error
    except Exception as error:  # Pillow lets through whatever a decoder stumbles over
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageError(" ".join(text.split())) from error


def _stream(source: Picture) -> BinaryIO:
    return open_regular(source) if isinstance(source, Path) else io.BytesIO(source.content)


def _check_head(picture: Image.Image) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise ImageError(f"it has {picture.height}×{picture.width} pixels, and at most {MOST_PIXELS:,} are read")
    # Pillow brings all depths of PGM to 16 bits, but not the floats of PFM
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PPM"):
        raise ImageError("it has 32 bits a pixel, and nothing says which is white; save it with 8 or 16")


def _plain(picture: Image.Image) -> tuple[Image.Image, list[str]]:
    done = ["read by the first page only"] if getattr(picture, "is_animated", False) else []
    reduced = _is_reduced(picture)
    picture.load()  # some formats have their EXIF data at the end
    turn = None
    with contextlib.suppress(Exception):  # damaged EXIF data says nothing of the pixels
        turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    if turn is not None:
        picture = picture.transpose(turn)
        done.append("turned upright by EXIF data")
    if picture.mode.startswith("I"):  # Pillow would cut these off at 255
        deep = np.asarray(picture) >> 8
        return Image.fromarray(deep.astype(np.uint8)), [*done, "read by the upper 8 of 16 bits"]
    if reduced:
        done.append("reduced from 16 bits to 8")
    if picture.has_transparency_data:
        alpha = picture if "A" in picture.getbands() else picture.convert("RGBA")
        if alpha.getchannel("A").getextrema() != (255, 255):
            done.append("read without transparency")
    grey = picture.mode in ("1", "L", "LA", "La")
    if not grey and picture.mode not in ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa"):
        done.append(f"converted from {picture.mode} to RGB")
    return in_mode(picture, "L" if grey else "RGB"), done


def _is_reduced(picture: Image.Image) -> bool:
    """Whether Pillow takes 8 of 16 bits in colour by itself, before the picture is loaded."""
    tiles = getattr(picture, "tile", ())
    deep = any(";16" in str(tile[3]) or (tile[0] == "ppm" and tile[3][1] > 255) for tile in tiles)
    return deep and picture.mode != "I"


def in_mode(picture: Image.Image, mode: str) -> Image.Image:
    """A picture in grey (L) or colour (RGB)."""
    return picture if picture.mode == mode else picture.convert(mode)  # Pillow would copy it
