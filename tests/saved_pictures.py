"""Pictures on the disk, for tests of what reads them."""

from pathlib import Path

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def save(path: Path, pixels: np.ndarray, orientation: int | None = None, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, exif=exif, **more)
    return path


def save_many(folder: Path, count: int, first: int = 0, suffix: str = ".png") -> None:
    for number in range(first, first + count):
        save(folder / f"{number:03}{suffix}", np.full((6, 8), number, np.uint8))
