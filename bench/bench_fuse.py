"""Milliseconds of pipelines of albumentations, as they are and reduced by their algebra, and how true each is.

Run ``python bench/bench_fuse.py [--runs N]``. Each run times the unreduced pipeline, the reduced one written back to
albumentations, and the reduced one on tensors, in turn; medians and the spread are printed. PSNR is taken against the
ideal picture: a scene of waves, evaluated where each pixel comes from, and never interpolated.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import albumentations
import augalg_albumentations
import numpy as np
import torch

import augalgebra as aa
from augalgebra.pipelines import FusedPipeline

PIPELINES = {
    "flip, turn, shear, zoom, brightness": "Compose([HorizontalFlip(p=1), Rotate(limit=(17, 17), p=1), "
    "Affine(shear={'x': (9, 9), 'y': (0, 0)}, p=1), Affine(scale=(1.3, 1.3), p=1), "
    "RandomBrightnessContrast((0.05, 0.05), (0.1, 0.1), p=1)])",
    "turn, shear, zoom": "Compose([Rotate(limit=(17, 17), p=1), Affine(shear={'x': (9, 9), 'y': (0, 0)}, p=1), "
    "Affine(scale=(1.3, 1.3), p=1)])",
    "flip, transpose, flip": "Compose([HorizontalFlip(p=1), Transpose(p=1), VerticalFlip(p=1)])",
    "turn, blur, zoom": "Compose([Rotate(limit=(17, 17), p=1), GaussianBlur(blur_limit=(5, 5), sigma_limit=(1, 1), "
    "p=1), Affine(scale=(1.3, 1.3), p=1)])",
    "flip": "Compose([HorizontalFlip(p=1)])",
}
"""Those that gain, and two that do not."""


def scene(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of a picture ``[height, width, 3]`` at places in pixels from its middle."""
    waves = [(0.9, 0.2, 0.3), (-0.4, 0.8, 1.1), (0.5, 0.6, 2.0)]
    return np.stack([0.5 + 0.35 * np.sin(a * x + b * y + c) for a, b, c in waves], -1).astype(np.float32)


def ideal(fused: FusedPipeline, side: int) -> np.ndarray | None:
    """What the reduced pipeline would give without any interpolation; None if a stage is neither of the two maps."""
    places = np.stack(np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2), -1)
    picture = None
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


def psnr(seen: np.ndarray, wanted: np.ndarray | None) -> str:
    """Decibels in the middle of the picture, which nothing from the rim reaches."""
    if wanted is None:
        return "-"
    part = slice(len(seen) * 3 // 8, len(seen) * 5 // 8)
    error = float(((seen - wanted)[part, part].astype(np.float64) ** 2).mean())
    return "exact" if error < 1e-10 else f"{-10 * np.log10(error):.1f}"


def seconds(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def main() -> None:
    """Time each pipeline at two sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=20, help="calls in each run")
    options = parser.parse_args()
    catalog = aa.load_catalog()
    print(f"{'pipeline':36} {'side':>5} {'way':>10} {'ms':>8} {'spread':>15} {'ratio':>6} {'PSNR':>6}")
    for name, text in PIPELINES.items():
        whole = eval(text, vars(albumentations))
        for side in (256, 512):
            fused = aa.Pipeline(f"albumentations:{text}", catalog).fuse(side)
            less = augalg_albumentations.export(fused)
            places = np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2)
            picture = scene(*places)
            batch = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None]
            calls: dict[str, Callable[[], object]] = {
                "unreduced": lambda: whole(image=picture)["image"],  # noqa: B023 - called within the loop
                "reduced": lambda: less(image=picture)["image"],  # noqa: B023
                "tensors": lambda: fused(batch)[0].permute(1, 2, 0).numpy(),  # noqa: B023
            }
            seen = {way: np.asarray(call()) for way, call in calls.items()}
            taken: dict[str, list[float]] = {way: [] for way in calls}
            for _ in range(options.runs):
                for way, call in calls.items():
                    taken[way].append(1000 * seconds(call, options.repeats))
            wanted = ideal(fused, side)
            base = statistics.median(taken["unreduced"])
            for way, found in taken.items():
                middle, spread = statistics.median(found), f"{min(found):.2f} to {max(found):.2f}"
                quality = psnr(seen[way], wanted)
                print(f"{name:36} {side:5} {way:>10} {middle:8.2f} {spread:>15} {base / middle:6.2f} {quality:>6}")


if __name__ == "__main__":
    main()
