"""Rows about pixels: our augmentations on batches, beside kornia on batches and albumentations or OpenCV per image.

Every way gets images as it wants them: ours and kornia float batches ``[batch, channel, height, width]``, the others a
list of arrays ``[height, width, channel]``, of floats, or of bytes where only bytes are taken. Parameters are fixed, so
that nothing is drawn; where conventions differ (the sign of an angle, the frame of a blur), the work is the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import augalgebra as aa
from bench.harness import Call, Peer, Row

Picture = np.ndarray[Any, Any]

PICTURES = {(28, 1): 256, (256, 3): 16}
"""Images of a batch, by side and channels."""


@dataclass(frozen=True)
class Operation:
    """What all do alike.

    Attributes:
        word: Ours.
        kornia: Makes kornia's from its module.
        albumentations: Makes the transform of albumentations; None where it has none.
        opencv: Makes OpenCV's, on bytes, where albumentations has none.
        of_bytes: Whether albumentations takes bytes only.
    """

    word: str
    kornia: Callable[[Any], Callable[[Tensor], Tensor]]
    albumentations: Callable[[Any], Any] | None = None
    opencv: Callable[[Any], Callable[[Picture], Picture]] | None = None
    of_bytes: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "flip": Operation("flip_lr", lambda k: k.geometry.transform.hflip, lambda a: a.HorizontalFlip(p=1)),
    "flip upside down": Operation("flip_ud", lambda k: k.geometry.transform.vflip, lambda a: a.VerticalFlip(p=1)),
    "quarter turn": Operation(
        "rotate_cw",
        lambda k: lambda x: k.geometry.transform.rotate(x, torch.full((len(x),), -90.0)),
        lambda a: a.Affine(rotate=(-90, -90), p=1),
    ),
    "turn by 17°": Operation(
        "rotate(17)",
        lambda k: lambda x: k.geometry.transform.rotate(x, torch.full((len(x),), 17.0)),
        lambda a: a.Affine(rotate=(17, 17), p=1),
    ),
    "shear by 9°": Operation(
        "shear_x(9)",
        lambda k: lambda x: k.geometry.transform.shear(x, torch.tensor([[0.158, 0.0]]).expand(len(x), 2)),
        lambda a: a.Affine(shear={"x": (9, 9), "y": (0, 0)}, p=1),
    ),
    "blur, 7 × 7": Operation(
        "gaussian_blur(1)",
        lambda k: lambda x: k.filters.gaussian_blur2d(x, (7, 7), (1.0, 1.0)),
        lambda a: a.GaussianBlur(blur_limit=(7, 7), sigma_limit=(1, 1), p=1),
    ),
    "Canny": Operation(
        "canny(100, 200)",
        lambda k: lambda x: k.filters.canny(x, 0.1, 0.2)[1],
        opencv=lambda cv2: lambda picture: cv2.Canny(picture, 100, 200),
    ),
    "equalize": Operation(
        "equalize",
        lambda k: k.enhance.equalize,
        lambda a: a.Equalize(mode="cv", by_channels=True, p=1),
        of_bytes=True,
    ),
    "gamma": Operation(
        "gamma(1.5)",
        lambda k: lambda x: k.enhance.adjust_gamma(x, 1.5),
        lambda a: a.RandomGamma(gamma_limit=(150, 150), p=1),
    ),
}


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    catalog = aa.load_catalog()
    for (side, channels), count in PICTURES.items():
        many = 2 if smoke else count
        images = torch.rand(many, channels, side, side, generator=torch.Generator().manual_seed(0))
        for name, operation in OPERATIONS.items():
            yield _row(catalog, name, operation, images)


def _row(catalog: aa.Catalog, name: str, operation: Operation, images: Tensor) -> Row:
    ids = range(len(images))
    word = catalog.word(operation.word)
    pictures = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in images]
    as_bytes = [(picture * 255).round().astype(np.uint8) for picture in pictures]

    def kornia(module: Any) -> Call:
        call = operation.kornia(module)
        return lambda: call(images)

    def albumentations(module: Any) -> Call:
        transform = None if operation.albumentations is None else operation.albumentations(module)
        taken = as_bytes if operation.of_bytes else pictures
        return lambda: [transform(image=picture)["image"] for picture in taken]

    def opencv(module: Any) -> Call:
        call = None if operation.opencv is None else operation.opencv(module)
        return lambda: [call(picture) for picture in as_bytes]  # type: ignore[misc]

    if operation.opencv is not None:
        other = Peer.of("OpenCV, per image, on bytes", "cv2", opencv, 1)
    else:
        label = "albumentations, per image" + (", on bytes" if operation.of_bytes else "")
        other = Peer.of(label, "albumentations", albumentations, 1)
    count, channels, side, _ = images.shape
    return Row(
        f"{name}, {count} × {channels} × {side} × {side}",
        lambda: catalog.apply(word, images, ids=ids),
        (other, Peer.of("kornia, batch", "kornia", kornia, 1)),
        counted="one batch",
    )
