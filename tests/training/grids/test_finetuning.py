"""Autoencoders trained on until plain moves of the grid are true."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from augalgebra import Catalog, load_catalog
from augalgebra.errors import AugalgebraError, DataError, FitError, GridMoveError
from augalgebra.latent import ModuleSpace, open_taesd, save_taesd
from augalgebra.training import FinetuneSettings, Report, finetune_space

QUICK = FinetuneSettings(seconds=None, steps=100, batch_size=5, learning_rate=1e-2)


def make_space() -> ModuleSpace:
    """Mean, slope across and slope down of patches: whoever flips the grid has to turn the slopes across too.

    Kernels are larger than patches, so that slopes can also be told from the means of neighbours.
    """
    patterns = torch.tensor([[[1.0, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]]])
    kernels = torch.einsum("pij,cd->pcdij", functional.pad(patterns, (1, 1, 1, 1)) / 2, torch.eye(3)).flatten(0, 1)
    encoder, decoder = nn.Conv2d(3, 9, 4, 2, 1, bias=False), nn.ConvTranspose2d(9, 3, 4, 2, 1, bias=False)
    with torch.no_grad():
        encoder.weight.copy_(kernels)
        decoder.weight.copy_(kernels)
    return ModuleSpace(encoder, decoder, channels=9, stride=2, name="slopes")


def crops(number: int, seed: int = 0) -> Iterator[Tensor]:
    """Slopes in random directions, so that a patch is not as good flipped."""
    generator = torch.Generator().manual_seed(seed)
    ramp = torch.linspace(-1, 1, 16)
    for _ in range(number):
        along, across = torch.randn(2, 3, 1, 1, generator=generator)
        yield ((along * ramp[:, None] + across * ramp) * 60 + 127).clamp(0, 255).byte()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_plain_moves_become_true_and_the_table_says_what_it_costs(catalog: Catalog) -> None:
    space = make_space()
    before = space.fingerprint()
    result = finetune_space(space, crops(20), ["flip_lr"], catalog, QUICK, test_crops=crops(6, seed=1))
    assert space.fingerprint() == before != result.space.fingerprint()
    assert not any(weights.requires_grad for weights in result.space.parameters())

    reconstruction, flip = result.table
    assert (reconstruction.word, flip.word) == ("id", "flip_lr")
    assert reconstruction.plain_before == reconstruction.floor_before
    assert flip.plain_after > flip.plain_before + 3
    assert flip.floor_after - flip.plain_after < 3 < flip.floor_before - flip.plain_before
    images = torch.stack(list(crops(6, seed=1))) / 255
    drawn = result.space.decode(result.space.encode(images).flip(-1))
    error = (drawn - images.flip(-1)).square().flatten(1).mean(1)
    assert flip.plain_after == pytest.approx(float(-10 * error.log10().mean()), abs=1e-3)
    error = (result.space.decode(result.space.encode(images)) - images).square().flatten(1).mean(1)
    assert reconstruction.floor_after == pytest.approx(float(-10 * error.log10().mean()), abs=1e-3)

    cost = reconstruction.floor_before - reconstruction.floor_after
    assert cost > 0  # slopes were drawn to rounding, and cannot be drawn better
    assert f"{cost:.2f} dB of reconstruction are lost." in result.to_markdown()
    assert f"| flip_lr |        {flip.plain_before:.2f} |" in result.to_markdown()


def test_augmentations_are_closed_to_a_group(catalog: Catalog) -> None:
    settings = FinetuneSettings(seconds=None, steps=1)
    result = finetune_space(make_space(), crops(2), ["flip_lr", "rotate_cw"], catalog, settings, test_crops=crops(1))
    assert len(result.table) == 8
    assert len({row.word for row in result.table}) == 8


def test_equal_seeds_and_steps_give_equal_weights(catalog: Catalog) -> None:
    settings = FinetuneSettings(seconds=None, steps=10, learning_rate=1e-2)
    results = [
        finetune_space(make_space(), crops(6), ["flip_lr"], catalog, settings, test_crops=crops(1)) for _ in range(2)
    ]
    assert results[0].space.fingerprint() == results[1].space.fingerprint()


def test_stopping_keeps_what_was_learned(catalog: Catalog) -> None:
    def stop(report: Report) -> None:
        if report.step == 3:
            raise KeyboardInterrupt

    result = finetune_space(make_space(), crops(6), ["flip_lr"], catalog, QUICK, test_crops=crops(1), progress=stop)
    assert (result.outcome.steps, result.outcome.ended) == (3, "interrupted")
    assert result.space.fingerprint() != make_space().fingerprint()


@pytest.mark.parametrize("word", ["brightness(0.2)", "roll(1, 0)"])
def test_what_is_no_move_of_the_grid_is_refused(catalog: Catalog, word: str) -> None:
    with pytest.raises(GridMoveError, match=word.partition("(")[0]):
        finetune_space(make_space(), crops(2), [word], catalog, QUICK, test_crops=crops(1))


def test_bad_input_is_refused(catalog: Catalog) -> None:
    with pytest.raises(FitError, match=r"roll\(0, 0\) does nothing by the laws"):
        finetune_space(make_space(), crops(2), ["roll(0, 0)"], catalog, QUICK, test_crops=crops(1))
    with pytest.raises(DataError, match="no crop"):
        finetune_space(make_space(), [], ["flip_lr"], catalog, QUICK, test_crops=crops(1))
    shuffles = ModuleSpace(nn.PixelUnshuffle(2), nn.PixelShuffle(2), channels=12, stride=2, name="shuffle")
    with pytest.raises(AugalgebraError, match="no weights that could be trained on"):
        finetune_space(shuffles, crops(2), ["flip_lr"], catalog, QUICK, test_crops=crops(1))
    for wrong in ({"seconds": None}, {"steps": 0}, {"learning_rate": 0.0}, {"batch_size": 0}):
        with pytest.raises(AugalgebraError, match="larger than 0"):
            FinetuneSettings(**wrong)  # type: ignore[arg-type]


def test_an_autoencoder_of_the_taesd_family_is_saved_and_opened_again(tmp_path: Path, catalog: Catalog) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, bias=False)
    encoder = {"0.weight": first.weight, "0.bias": first.bias.detach(), "1.weight": last.weight}
    decoder = {
        "1.weight": torch.randn(4, 4, 3, 3) / 6,
        "1.bias": torch.zeros(4),
        "4.weight": torch.randn(3, 4, 3, 3) / 6,
    }
    for name, weights in (("encoder", encoder), ("decoder", decoder)):
        save_file({key: tensor.detach() for key, tensor in weights.items()}, tmp_path / f"small_{name}.safetensors")
    settings = FinetuneSettings(seconds=None, steps=2, learning_rate=1e-2)
    space = open_taesd(tmp_path)
    new = finetune_space(space, crops(4), ["flip_lr"], catalog, settings, test_crops=crops(1)).space
    save_taesd(new, tmp_path / "ready")
    again = open_taesd(tmp_path / "ready")
    assert again.fingerprint() == new.fingerprint() != space.fingerprint()
    codes = torch.rand(1, 4, 4, 4)
    assert torch.equal(again.decode(codes), new.decode(codes))
    with pytest.raises(AugalgebraError, match="kind 'slopes' has no place"):
        save_taesd(make_space(), tmp_path)
