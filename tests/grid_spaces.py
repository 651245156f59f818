"""A grid latent space whose exact operators are known, for tests of what is built on such spaces."""

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.latent.adapters import opening
from augalgebra.latent.grids import ModuleSpace
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.operator import GridMap
from augalgebra.operators.grids.registry import GridRegistry

STRIDE = 8
KEPT = 3
CHANNELS = 3 * KEPT**2


def cosines(side: int = STRIDE, kept: int = KEPT) -> Tensor:
    """The first waves of a discrete cosine transform, as rows of unit length."""
    places, waves = torch.arange(side) + 0.5, torch.arange(kept)[:, None]
    rows = torch.cos(math.pi / side * places * waves)
    return rows / rows.norm(dim=1, keepdim=True)


def patch_space() -> ModuleSpace:
    """Keeps the slowest waves of each square of eight pixels, colour by colour: linear, and lossy.

    A flip changes the sign of every other wave, and a turn swaps waves as well, so that moving the grid alone is wrong
    and a map of channels makes it right.
    """
    rows = cosines()
    waves = torch.einsum("ki,lj->klij", rows, rows).flatten(0, 1)  # [wave, 8, 8]
    weight = torch.zeros(3, len(waves), 3, STRIDE, STRIDE)
    for colour in range(3):
        weight[colour, :, colour] = waves
    encoder = nn.Conv2d(3, CHANNELS, STRIDE, STRIDE, bias=False)
    decoder = nn.ConvTranspose2d(CHANNELS, 3, STRIDE, STRIDE, bias=False)
    with torch.no_grad():
        encoder.weight.copy_(weight.flatten(0, 1))
        decoder.weight.copy_(weight.flatten(0, 1))
    return ModuleSpace(encoder, decoder, channels=CHANNELS, stride=STRIDE, name="waves")


def exact_map(space: ModuleSpace, catalog: Catalog, word: Word) -> GridMap:
    """What a word that moves whole squares does to codes."""
    units = torch.eye(CHANNELS)[:, :, None, None]
    with torch.no_grad():
        moved = space.encode(catalog.apply(word, space.draw(units)))[:, :, 0, 0]
    return GridMap(GridMove.of(catalog, word, STRIDE), KernelMap(moved.T[:, :, None, None]))


def exact_registry(space: ModuleSpace, catalog: Catalog, names: tuple[str, ...]) -> GridRegistry:
    """The exact operators of the whole group that augmentations generate."""
    registry = GridRegistry.of(space, catalog)
    for element in registry.elements(names):
        if element:
            registry.add(registry.entry_for(exact_map(space, catalog, element), element, "exact", images=0))
    return registry


def pictures(count: int, size: int = 64, seed: int = 0) -> list[Tensor]:
    """Smooth pictures with some noise, as bytes."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, size // 8 + 1, size // 8 + 1, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    noisy = smooth + 0.05 * torch.randn(smooth.shape, generator=generator)
    return list((noisy.clamp(0, 1) * 255).round().byte())


def save_photographs(folder: Path, count: int = 8, size: tuple[int, int] = (80, 112)) -> Path:
    """A folder of smooth photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(pictures(count, max(size), seed=7)):
        crop = pixels[:, : size[0], : size[1]].permute(1, 2, 0).numpy()
        Image.fromarray(crop).save(folder / f"{number:02}.png")
    return folder


def know_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``waves:NAME`` be opened as `patch_space`; with another name than ``right`` it is another encoder."""

    def open_waves(place: str, spec: str, device: torch.device | str) -> ModuleSpace:
        space = patch_space().to(device)
        space.spec = spec
        space.name = "waves" if place == "right" else place
        return space

    monkeypatch.setitem(opening._KINDS, "waves", open_waves)


def save_small_autoencoder(folder: Path) -> Path:
    """A tiny autoencoder of the TAESD family with random weights: one halving, four channels."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) / 6

    folder.mkdir()
    encoder = {
        "0.weight": draw(8, 3, 3, 3),
        "0.bias": draw(8),
        "1.weight": draw(8, 8, 3, 3),
        "2.weight": draw(4, 8, 3, 3),
    }
    encoder["2.bias"] = draw(4)
    decoder = {"1.weight": draw(8, 4, 3, 3), "1.bias": draw(8), "4.weight": draw(3, 8, 3, 3), "4.bias": draw(3)}
    save_file(encoder, folder / "small_encoder.safetensors")
    save_file(decoder, folder / "small_decoder.safetensors")
    return folder
