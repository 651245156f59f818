"""The registry of grid operators: one for each element, words reduced first, what is missing said."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from augalgebra import Catalog, load_catalog
from augalgebra.errors import AugalgebraError, ImageError, MissingOperatorError, NotInvertibleError, StaleOperatorError
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.operator import GridMap, GridOperator
from augalgebra.operators.grids.registry import GridRegistry

LETTERS = ("flip_lr", "flip_ud", "rotate_cw", "rotate_ccw", "rotate_180", "transpose")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def registry(catalog: Catalog) -> GridRegistry:
    """Of an encoder that keeps pixels as they are: the moves are all there is to operators."""
    known = GridRegistry(3, 1, "f" * 64, catalog)
    for element in known.elements(["flip_lr", "rotate_cw"])[1:]:
        known.add(known.entry_for(GridMap(GridMove.of(catalog, element, 1)), element, "given"))
    brighter = KernelMap(torch.eye(3)[..., None, None], torch.full((3,), 0.25))
    known.add(known.entry_for(GridMap(None, brighter), catalog.word("brightness(0.25)"), "given"))
    return known


def _grid(seed: int = 0) -> Tensor:
    return torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=60)
@given(letters=st.lists(st.sampled_from([*LETTERS, *(f"{name}^-1" for name in LETTERS)]), min_size=1, max_size=8))
def test_every_word_of_the_square_is_one_map_that_does_what_pixels_do(
    registry: GridRegistry, catalog: Catalog, letters: list[str]
) -> None:
    word = " * ".join(letters)
    operator = registry.operator(word)
    assert len(operator.maps) <= 1
    assert torch.equal(operator.apply(_grid()), catalog.apply(word, _grid()))


def test_products_with_what_is_outside_the_group_take_fewest_maps(registry: GridRegistry, catalog: Catalog) -> None:
    word = "flip_lr * rotate_cw * brightness(0.25) * flip_ud * transpose"
    operator = registry.operator(word)
    assert len(operator.maps) <= 3
    dark = _grid() / 2
    assert torch.allclose(operator.apply(dark), catalog.apply(word, dark))


def test_the_identity_is_the_very_same_tensor(registry: GridRegistry) -> None:
    codes = _grid()
    assert registry.operator("rotate_cw^4").is_identity
    assert registry.operator("flip_lr * flip_lr").apply(codes) is codes


def test_unreduced_words_are_multiplied_letter_by_letter(registry: GridRegistry) -> None:
    assert len(registry.operator("rotate_cw^3 * flip_lr", reduce=False).maps) == 4


def test_what_is_missing_is_named_with_what_to_do(catalog: Catalog, registry: GridRegistry) -> None:
    with pytest.raises(MissingOperatorError, match=r"no operator for brightness\(0\.5\).*fit it"):
        registry.operator("flip_lr * brightness(0.5)")
    with pytest.raises(NotInvertibleError):
        registry.operator("canny^-1")
    assert "flip_ud" in registry
    assert "canny" not in registry


def test_codes_of_other_autoencoders_and_numbers_that_are_none_are_refused(registry: GridRegistry) -> None:
    operator = registry.operator("brightness(0.25)")
    with pytest.raises(ImageError, match="another autoencoder"):
        operator.apply(torch.rand(1, 4, 6, 6))
    with pytest.raises(ImageError, match="NaN or infinite"):
        operator.apply(_grid() / 0)
    loud = GridOperator(3, operator.word, "loud", (GridMap(None, KernelMap(1e6 * torch.eye(3)[..., None, None])),))
    with pytest.raises(ImageError, match="too large for float16"):
        loud.apply(_grid().half())
    assert operator.apply(_grid().half()).dtype == torch.float16


def test_other_laws_or_another_encoder_make_operators_stale(catalog: Catalog) -> None:
    known = GridRegistry(3, 1, "f" * 64, catalog)
    known.add(known.entry_for(GridMap(), catalog.word("flip_lr"), "given"))
    known.require_fresh()
    other = GridRegistry(3, 1, "e" * 64, catalog)
    other.add(known.entries[catalog.word("flip_lr")])
    assert "another encoder" in other.operator("flip_lr").stale[0]
    with pytest.raises(StaleOperatorError, match=r"fit dihedral\.flip_lr again"):
        other.require_fresh()


def test_operators_are_removed_and_not_replaced_unasked(catalog: Catalog) -> None:
    known = GridRegistry(3, 1, "f" * 64, catalog)
    entry = known.entry_for(GridMap(), catalog.word("flip_lr"), "given")
    known.add(entry)
    with pytest.raises(AugalgebraError, match="already"):
        known.add(entry, replace_existing=False)
    known.remove("flip_lr")
    with pytest.raises(MissingOperatorError, match="none yet"):
        known.operator("flip_lr")
