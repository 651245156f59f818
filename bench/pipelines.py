"""Rows about pipelines of albumentations, as they are and reduced by their algebra, and how true each is.

PSNR is taken against the ideal picture: a scene of waves, evaluated where each pixel comes from, never interpolated.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

import augalgebra as aa
from augalgebra.pipelines import FusedPipeline
from bench.harness import Peer, Row

Picture = np.ndarray[Any, Any]

TWICE = 2
FLIP, TURN, ZOOM = "HorizontalFlip(p=1)", "Rotate(limit=(17, 17), p=1)", "Affine(scale=(1.3, 1.3), p=1)"
SHEAR = "Affine(shear={'x': (9, 9), 'y': (0, 0)}, p=1)"
BRIGHTNESS = "RandomBrightnessContrast((0.05, 0.05), (0.1, 0.1), p=1)"
BLUR = "GaussianBlur(blur_limit=(5, 5), sigma_limit=(1, 1), p=1)"
PIPELINES: dict[str, tuple[list[str], float | None]] = {
    "flip, turn, shear, zoom, brightness": ([FLIP, TURN, SHEAR, ZOOM, BRIGHTNESS], TWICE),
    "turn, shear, zoom": ([TURN, SHEAR, ZOOM], TWICE),
    "flip, transpose, flip": ([FLIP, "Transpose(p=1)", "VerticalFlip(p=1)"], TWICE),
    "turn, blur, zoom": ([TURN, BLUR, ZOOM], None),
    "flip": ([FLIP], None),
}
"""Those that gain, with what they should gain, and two where there is nothing to gain."""


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    try:
        import albumentations
    except ImportError:
        yield Row("pipelines of albumentations", None, missing="albumentations is not installed")
        return
    catalog = aa.load_catalog()
    sides = (64,) if smoke else (256, 512)
    for name, (steps, bar) in list(PIPELINES.items())[: 2 if smoke else None]:
        text = f"Compose([{', '.join(steps)}])"
        whole = eval(text, vars(albumentations))
        for side in sides:
            yield from _rows(catalog, name, text, whole, side, bar)


def _rows(catalog: aa.Catalog, name: str, text: str, whole: Any, side: int, bar: float | None) -> Iterator[Row]:
    import augalg_albumentations

    fused = aa.Pipeline(f"albumentations:{text}", catalog).fuse(side)
    less = augalg_albumentations.export(fused)
    picture = scene(*np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2))
    as_bytes = (picture * 255).round().astype(np.uint8)
    batch = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None]

    def applied(pipeline: Any, given: Picture) -> Picture:
        return np.asarray(pipeline(image=given)["image"])

    def on_tensors() -> Picture:
        return np.asarray(fused(batch)[0].permute(1, 2, 0).numpy())

    ways = (
        ("bytes", partial(applied, less, as_bytes), partial(applied, whole, as_bytes), bar),
        ("floats", partial(applied, less, picture), partial(applied, whole, picture), bar),
        ("floats, ours on tensors", on_tensors, partial(applied, whole, picture), None),
    )
    for kind, ours, theirs, wanted in ways:
        yield Row(
            f"{name}, {side} × {side}, {kind}",
            ours,
            (Peer("unreduced, albumentations", theirs, bar=wanted),),
            counted="one image of three channels",
            note=partial(_quality, fused, side, ours(), theirs()),
        )


def scene(x: Picture, y: Picture) -> Picture:
    """Values of a picture ``[height, width, 3]`` at places in pixels from its middle."""
    waves = [(0.9, 0.2, 0.3), (-0.4, 0.8, 1.1), (0.5, 0.6, 2.0)]
    return np.stack([0.5 + 0.35 * np.sin(a * x + b * y + c) for a, b, c in waves], -1).astype(np.float32)


def ideal(fused: FusedPipeline, side: int) -> Picture | None:
    """What the reduced pipeline would give without any interpolation; None if a stage is neither of the two maps."""
    places = np.stack(np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2), -1)
    for stage in reversed(fused.stages):
        if stage.matrix is not None:
            matrix = stage.matrix.numpy()
            places = places @ matrix[:, :2].T + matrix[:, 2]
    picture = scene(places[..., 0], places[..., 1])
    for stage in fused.stages:
        if stage.values is not None:
            picture = stage.values(torch.from_numpy(picture.transpose(2, 0, 1))[None])[0].numpy().transpose(1, 2, 0)
        elif stage.matrix is None:
            return None
    return picture


def _quality(fused: FusedPipeline, side: int, ours: Picture, theirs: Picture) -> str:
    wanted = ideal(fused, side)
    return "" if wanted is None else f"PSNR {psnr(ours, wanted)}, unreduced {psnr(theirs, wanted)}"


def psnr(seen: Picture, wanted: Picture) -> str:
    """Decibels in the middle of the picture, which nothing from the rim reaches."""
    part = slice(len(seen) * 3 // 8, len(seen) * 5 // 8)
    seen = seen / 255 if seen.dtype == np.uint8 else seen
    error = float(((seen - wanted)[part, part].astype(np.float64) ** 2).mean())
    return "exact" if error < 1e-10 else f"{-10 * np.log10(error):.1f} dB"
