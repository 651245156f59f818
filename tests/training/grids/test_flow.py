"""Operators on grids that are exact in curved coordinates: learned, kept, and refused where nothing could be."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from augalgebra import Catalog, load_catalog
from augalgebra.errors import FitError
from augalgebra.latent.grids import ModuleSpace
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.operators.grids.store import load_grid_registry, save_grid_registry
from augalgebra.training.grids.fitting import fit_grid_operators
from augalgebra.training.grids.settings import GridSettings
from tests.training.grids.test_fitting import Decoder, Encoder, crops, make_space

FLOW = GridSettings(
    fit="flow", size=16, crops=32, width=32, depth=1, seconds=1000, steps=150, batch_size=4, learning_rate=4e-3
)
BEND = 0.5


class Bent(Encoder):
    """Codes whose second half is bent by what the first half is, so that no matrix turns them."""

    def forward(self, images: Tensor) -> Tensor:
        first, second = super().forward(images).chunk(2, dim=1)
        return torch.cat([first, second + BEND * first.abs()], 1)


class Straightened(Decoder):
    """What undoes it."""

    def forward(self, codes: Tensor) -> Tensor:
        first, second = codes.chunk(2, dim=1)
        return super().forward(torch.cat([first, second - BEND * first.abs()], 1))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def space() -> ModuleSpace:
    mix = make_space().encoder.mix.data
    return ModuleSpace(Bent(mix, 0.0), Straightened(mix, 0.0), channels=12, stride=2, name="bent")


@pytest.fixture(scope="module")
def registry(space: ModuleSpace, catalog: Catalog) -> GridRegistry:
    return fit_grid_operators(space, crops(32), ["flip_lr", "rotate_cw"], catalog, FLOW)


def test_coordinates_are_found_in_which_matrices_do(
    space: ModuleSpace, registry: GridRegistry, catalog: Catalog
) -> None:
    by_matrices = GridSettings("channels", size=16)
    straight = fit_grid_operators(space, crops(32), ["flip_lr", "rotate_cw"], catalog, by_matrices)
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    codes = space.encode(images)
    for word in ("flip_lr", "rotate_cw", "rotate_180"):
        errors = [
            float((space.decode(found.operator(word).apply(codes)) - catalog.apply(word, images)).square().mean())
            for found in (registry, straight)
        ]
        assert errors[0] < errors[1] / 3, word
        shares = [found.entries[found.reduced(word)].provenance.residual for found in (registry, straight)]
        assert shares[0] < shares[1] / 3, word
    assert {"flow"} == {entry.provenance.fit for entry in registry.entries.values()}


def test_relations_hold_by_construction(space: ModuleSpace, registry: GridRegistry) -> None:
    codes = space.encode(torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(5)))
    for left, right in (
        ("flip_lr * flip_lr", "id"),
        ("rotate_cw * rotate_cw * rotate_cw * rotate_cw", "id"),
        ("flip_lr * rotate_cw * flip_lr", "rotate_cw^3"),
        ("rotate_cw * flip_lr", "transpose"),
    ):
        moved = registry.operator(left, reduce=False).apply(codes)
        torch.testing.assert_close(moved, registry.operator(right).apply(codes), atol=1e-4, rtol=1e-5)


def test_what_was_kept_is_read_back(
    space: ModuleSpace, registry: GridRegistry, catalog: Catalog, tmp_path: Path
) -> None:
    save_grid_registry(registry, tmp_path / "operators.safetensors")
    loaded = load_grid_registry(tmp_path / "operators.safetensors", space, catalog)
    codes = space.encode(torch.rand(2, 3, 16, 16))
    for word in registry.words:
        assert torch.equal(registry.operator(word).apply(codes), loaded.operator(word).apply(codes))
    charts = {id(entry.map.chart) for entry in loaded.entries.values()}
    assert 1 == len(charts)  # which all of them share, as before


@pytest.mark.parametrize(
    ("augmentations", "message"),
    [
        (["flip_lr", "solarize(0.5)"], r"nothing undoes solarize: solarize has no inverse .*; fit 'kernel'"),
        (["saturation(0)"], r"nothing undoes saturation\(0\): saturation\(0\)\^2 = saturation\(0\), .*; fit 'kernel'"),
        (["flip_lr", "invert"], r"a flow follows a finite group that moves whole positions .* invert belongs to none"),
    ],
)
def test_what_no_flow_can_follow_is_refused_before_anything_is_encoded(
    space: ModuleSpace, catalog: Catalog, augmentations: list[str], message: str
) -> None:
    with pytest.raises(FitError, match=message):
        fit_grid_operators(space, iter(()), augmentations, catalog, FLOW)
