"""Pictures whose codes are known, and a cache of them, for tests of what is done to caches."""

from pathlib import Path

import numpy as np
import torch
from grid_spaces import STRIDE, exact_registry, patch_space
from torch import Tensor

import augalgebra as aa
from augalgebra.algebra.words import Word
from augalgebra.latent.grids import ModuleSpace
from augalgebra.operators.grids.registry import GridRegistry

SPACE = patch_space()
SQUARE = ("flip_lr", "rotate_cw")


def scaled_space(scale: float, shift: float) -> ModuleSpace:
    space = patch_space()
    space.scale, space.shift = scale, shift
    return space


def build_registry(*generators: str) -> GridRegistry:
    """Exact operators of every element that some symmetries generate."""
    return exact_registry(SPACE, aa.load_catalog(), generators or SQUARE)


def move_pictures(pictures: Tensor, word: str | Word) -> Tensor:
    return aa.load_catalog().apply(word, pictures)


def draw_pictures(number: int, height: int = 16, width: int = 24, seed: int = 0) -> Tensor:
    return torch.rand(number, 3, height, width, generator=torch.Generator().manual_seed(seed))


def encode(pictures: Tensor) -> "np.ndarray":
    with torch.no_grad():
        return SPACE.encode(pictures).numpy()


def write_sd_scripts(folder: Path, pictures: Tensor, *, flipped: bool = True, sized: bool = False) -> None:
    """An npz for each picture, as sd-scripts does."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = pictures.shape[-2:]
    end = f"_{height // STRIDE}x{width // STRIDE}" if sized else ""
    for number, picture in enumerate(pictures):
        arrays = {
            f"latents{end}": encode(picture[None])[0],
            f"original_size{end}": np.array([2 * width, 2 * height]),
            f"crop_ltrb{end}": np.array([1, 2, width - 3, height - 4]),
            f"alpha_mask{end}": picture[0].numpy(),
        }
        if flipped:
            arrays[f"latents_flipped{end}"] = encode(picture[None].flip(-1))[0]
        np.savez(folder / f"p{number}_{2 * width:04d}x{2 * height:04d}_sd.npz", **arrays)
