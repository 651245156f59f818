"""Grid operators in a file: what is read is what was written, and nothing else is taken."""

from pathlib import Path

import pytest
import torch

from augalgebra import load_catalog
from augalgebra.errors import StaleOperatorError, StoreError
from augalgebra.operators.grids.maps import KernelMap, ResidualMap, Trunk
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.noise import ResidualNoise
from augalgebra.operators.grids.operator import GridMap, weights_in
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.operators.grids.resampling import ResampledMove
from augalgebra.operators.grids.store import load_grid_registry, pack_grid_registry, save_grid_registry

CHANNELS, STRIDE = 4, 2


class Codes:
    """As much of a latent space as a registry needs."""

    channels, stride = CHANNELS, STRIDE

    def __init__(self, digest: str = "f") -> None:
        self._digest = digest

    def fingerprint(self) -> str:
        return self._digest * 64


@pytest.fixture
def registry() -> GridRegistry:
    """Each kind of move and of local map, two networks with one trunk."""
    torch.manual_seed(0)
    known = GridRegistry.of(Codes(), load_catalog())
    catalog, trunk = known.catalog, Trunk(6, 2)

    def network() -> ResidualMap:
        made = ResidualMap(KernelMap(torch.randn(4, 4, 3, 3)), trunk, torch.randn(4), torch.rand(4) + 0.5)
        torch.nn.init.normal_(made.exit.weight)
        return made

    maps = {
        "flip_lr": GridMap(GridMove.of(catalog, "flip_lr", 2), network(), ResidualNoise(torch.randn(4, 4, 3, 3))),
        "rotate_cw": GridMap(GridMove.of(catalog, "rotate_cw", 2), network()),
        "roll(2, 0)": GridMap(GridMove.of(catalog, "roll(2, 0)", 2)),
        "invert": GridMap(None, KernelMap(torch.randn(4, 4, 1, 1), torch.randn(4))),
        "rotate(10)": GridMap(ResampledMove.of(catalog, "rotate(10)", 2), KernelMap(torch.randn(4, 4, 3, 3))),
    }
    for word, item in maps.items():
        known.add(known.entry_for(item, catalog.word(word), "given", details={"note": word}))
    return known


def test_what_is_read_moves_codes_bit_for_bit_as_before(registry: GridRegistry, tmp_path: Path) -> None:
    save_grid_registry(registry, tmp_path / "operators")
    read = load_grid_registry(tmp_path / "operators", Codes(), registry.catalog)
    codes = torch.randn(2, CHANNELS, 6, 6)
    assert read.words == registry.words
    for word in registry.words:
        for seed in (None, 0):  # means alone, and with noise
            one, other = (
                known.operator(word).move(codes, None if seed is None else torch.Generator().manual_seed(seed))
                for known in (read, registry)
            )
            assert torch.equal(one, other)
        assert read.entries[word].provenance == registry.entries[word].provenance
    assert pack_grid_registry(read) == pack_grid_registry(registry)
    one, other = (read.entries[registry.catalog.word(name)].map for name in ("flip_lr", "rotate_cw"))
    assert weights_in([one, other]) < weights_in([one]) + weights_in([other])  # the trunk is one still


def test_files_of_other_spaces_and_damaged_ones_are_refused(registry: GridRegistry, tmp_path: Path) -> None:
    path = tmp_path / "operators"
    content = pack_grid_registry(registry)
    with pytest.raises(StoreError, match="missing"):
        load_grid_registry(path, Codes(), registry.catalog)
    with pytest.raises(StaleOperatorError, match="another encoder"):
        load_grid_registry(path, Codes("e"), registry.catalog, content=content)
    wide = Codes()
    wide.channels = 5
    with pytest.raises(StoreError, match="belong to another one"):
        load_grid_registry(path, wide, registry.catalog, content=content)
    for cut in (10, len(content) // 2, len(content) - 1):
        with pytest.raises(StoreError, match="fit the operators again"):
            load_grid_registry(path, Codes(), registry.catalog, content=content[:cut])


def test_a_header_that_lies_is_found_out(registry: GridRegistry, tmp_path: Path) -> None:
    content = pack_grid_registry(registry)
    for true, false in (
        (b'\\"trunk\\": 0', b'\\"trunk\\": 7'),
        (b"permutation", b"permulation"),
        (b"invert", b"involt"),
    ):
        assert true in content
        with pytest.raises((StoreError, StaleOperatorError)):
            load_grid_registry(tmp_path, Codes(), registry.catalog, content=content.replace(true, false))


def test_without_the_autoencoder_the_file_says_what_it_is_for(registry: GridRegistry, tmp_path: Path) -> None:
    read = load_grid_registry(tmp_path, None, registry.catalog, content=pack_grid_registry(registry))
    assert (read.channels, read.stride, read.fingerprint) == (CHANNELS, STRIDE, "f" * 64)
