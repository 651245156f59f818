"""A real pretrained autoencoder and photographs that operators were not fitted on."""

import os
from pathlib import Path

import pytest
import torch

from augalgebra import load_catalog
from augalgebra.data import Photographs
from augalgebra.latent import open_space
from augalgebra.latent.grids import ModuleSpace
from augalgebra.training import GridSettings, fit_grid_operators

DATA = Path(os.environ.get("AUGALG_DATA", "")) if os.environ.get("AUGALG_DATA") else None

pytestmark = pytest.mark.skipif(
    DATA is None or not (DATA / "taef2").is_dir() or not (DATA / "kodak").is_dir(),
    reason="AUGALG_DATA has no taef2 and kodak",
)


def _decibels(drawn: torch.Tensor, truth: torch.Tensor) -> float:
    return float(-10 * (drawn - truth).square().flatten(1).mean(1).log10().mean())


def test_a_kernel_draws_flips_better_than_moving_the_grid() -> None:
    assert DATA is not None
    space, photographs = open_space(f"taesd:{DATA / 'taef2'}"), Photographs.open(DATA / "kodak")
    assert isinstance(space, ModuleSpace)
    settings = GridSettings(fit="kernel", kernel=3, size=128, crops=28)
    registry = fit_grid_operators(
        space, photographs.draw_crops(settings.crops, settings.size), ["flip_lr"], load_catalog(), settings
    )
    test = torch.stack(list(photographs.tile(128, limit=24))).float() / 255
    truth = test.flip(-1)
    with torch.no_grad():
        codes = space.encode(test)
        plain = _decibels(space.decode(codes.flip(-1)), truth)
        drawn = _decibels(space.decode(registry.operator("flip_lr").apply(codes)), truth)
        floor = _decibels(space.decode(space.encode(truth)), truth)
    assert plain + 0.4 * (floor - plain) < drawn < floor
