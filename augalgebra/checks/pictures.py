"""A folder of pictures as probe images."""

from pathlib import Path

import torch

from augalgebra.checks.probes import Probe
from augalgebra.pictures import picture_files, read_pictures

MOST_PICTURES = 16
"""How many pictures of a folder are looked at, unless something else is said."""


def picture_probe(
    folder: Path | str,
    *,
    channels: int = 1,
    size: tuple[int, int] | None = None,
    limit: int | None = MOST_PICTURES,
    dtype: torch.dtype = torch.float32,
    skip_broken: bool = False,
) -> Probe:
    """Read the pictures of a folder into one probe, in the order of their names.

    Args:
        folder: The folder; only files with a picture's suffix in it are looked at.
        channels: 1 converts to grey, 3 to colour.
        size: Height and width they are brought to; None keeps their own, which then has to be the same for all.
        limit: The most pictures that are read; None reads all.
        dtype: Floating-point type of the images.
        skip_broken: Leave out pictures that cannot be read.

    Raises:
        DataError: There is no such folder, or no picture in it.
        ImageError: A file cannot be read as a picture, or sizes differ and no `size` is given.
    """
    folder = Path(folder)
    files = picture_files(folder)[:limit]
    pictures = read_pictures(files, channels=channels, size=size, skip_broken=skip_broken)
    return Probe(folder.name, torch.from_numpy(pictures.pixels).to(torch.float64).div(255).to(dtype))
