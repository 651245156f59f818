"""Operators fitted on an autoencoder whose true operators are known, and on one where a kernel is not enough."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from augalgebra import Catalog, load_catalog
from augalgebra.errors import AugalgebraError, DataError, FitError
from augalgebra.latent.grids import ModuleSpace
from augalgebra.training.grids.fitting import fit_grid_operators, plan_grid_operators
from augalgebra.training.grids.kernels import gather
from augalgebra.training.grids.orbits import Orbits
from augalgebra.training.grids.recolouring import recolour_every_second
from augalgebra.training.grids.settings import GridSettings

SPREAD = 6.0
KERNEL = GridSettings(fit="kernel", kernel=3, size=16, crops=20)


class Encoder(nn.Module):
    """Codes that hold all pixels of a patch, mixed by an orthogonal matrix, and bent by y + b |y| if asked for."""

    def __init__(self, mix: Tensor, bend: float) -> None:
        super().__init__()
        self.mix, self.bend = nn.Parameter(mix), bend

    def forward(self, images: Tensor) -> Tensor:
        codes = torch.einsum("bchw,cd->bdhw", functional.pixel_unshuffle(SPREAD * (images - 0.5), 2), self.mix)
        return codes + self.bend * codes.abs()


class Decoder(Encoder):
    """What undoes it."""

    def forward(self, codes: Tensor) -> Tensor:
        flat = codes / (1 + self.bend * codes.sign())
        return 0.5 + functional.pixel_shuffle(torch.einsum("bdhw,cd->bchw", flat, self.mix), 2) / SPREAD


def make_space(bend: float = 0.0) -> ModuleSpace:
    mix = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(0)))[0]
    return ModuleSpace(Encoder(mix, bend), Decoder(mix, bend), channels=12, stride=2, name="shuffled")


def crops(number: int = 20, size: int = 16) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(number):
        yield torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)


class SeesNeighbours(Encoder):
    """Codes that hold what lies beside a patch as well, and zeros beyond the rim."""

    def forward(self, images: Tensor) -> Tensor:
        codes = super().forward(images)
        return codes + functional.avg_pool2d(codes, 3, 1, 1)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_operators_of_a_group_and_beside_it_are_found_exactly(catalog: Catalog) -> None:
    space = make_space()
    registry = fit_grid_operators(space, crops(), ["flip_lr", "rotate_cw", "invert"], catalog, KERNEL)
    assert len(registry.words) == 8  # seven elements of the square, and the inversion of colours
    images = torch.rand(2, 3, 16, 16)
    for word in ("flip_ud", "transpose", "rotate_cw^3 * flip_lr", "rotate_cw * invert * flip_lr"):
        drawn = space.decode(registry.operator(word).apply(space.encode(images)))
        assert torch.allclose(drawn, catalog.apply(word, images), atol=0.02), word
    entry = registry.entries[catalog.word("flip_lr")]
    assert entry.provenance.residual is not None
    assert entry.provenance.residual < 1e-3 < (entry.provenance.identity_residual or 0)


def test_maps_of_channels_fulfil_the_relations_to_rounding(catalog: Catalog) -> None:
    space = make_space(bend=0.5)  # so that no map of channels is right
    settings = GridSettings(fit="channels", size=16, crops=20)
    registry = fit_grid_operators(space, crops(), ["flip_lr", "rotate_cw", "invert"], catalog, settings)
    codes = space.encode(torch.rand(2, 3, 16, 16))
    for word in ("flip_lr^2", "rotate_cw^4", "flip_lr * rotate_cw * flip_lr * rotate_cw"):
        assert torch.allclose(registry.operator(word, reduce=False).apply(codes), codes, atol=1e-4), word
    known = registry.entries[catalog.word("flip_lr")].provenance
    assert (known.details["group"], known.details["kernel"]) == ("D4", 1)
    assert registry.entries[catalog.word("invert")].provenance.residual is not None


def test_with_noise_moved_codes_vary_as_encoded_ones_do(catalog: Catalog) -> None:
    space = make_space(bend=0.5)  # so that a map of channels misses much
    registry = fit_grid_operators(space, crops(40), ["flip_lr"], catalog, replace(KERNEL, kernel=1, crops=40))
    images = torch.stack(list(crops(40))) / 255
    codes, true = space.encode(images), space.encode(images.flip(-1))
    operator = registry.operator("flip_lr")
    means = float(operator.move(codes).var() / true.var())
    drawn = float(operator.move(codes, torch.Generator().manual_seed(0)).var() / true.var())
    assert means < 0.95
    assert drawn == pytest.approx(1, abs=0.02)


def test_members_of_a_family_give_all_others(catalog: Catalog) -> None:
    space = make_space()
    asked = ["flip_lr", "brightness(-0.2)", "brightness(0.2)"]
    registry = fit_grid_operators(space, crops(), asked, catalog, KERNEL)
    assert list(registry.families) == ["photometric.brightness(·)"]
    images = 0.3 + 0.4 * torch.rand(2, 3, 16, 16)  # so that nothing is cut off
    for word in ("brightness(0.1)", "flip_lr * brightness(-0.15)"):
        drawn = space.decode(registry.operator(word).apply(space.encode(images)))
        assert torch.allclose(drawn, catalog.apply(word, images), atol=0.05), word
    assert "beyond" in registry.operator("brightness(0.4)").stale[0]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (["roll(4, 0)", "roll(8, 0)"], "roll(4, 0), roll(8, 0) do nothing that a family"),
        (["roll(1, 1)", "roll(3, 3)"], "are too few members"),
        (["rotate(30)", "rotate(90)"], "move the grid in different ways"),
    ],
)
def test_members_without_a_family_have_their_operators_and_say_why(
    catalog: Catalog, asked: list[str], reason: str
) -> None:
    registry = fit_grid_operators(make_space(), crops(), asked, catalog, KERNEL)
    assert not registry.families
    for word in map(catalog.word, asked):
        assert reason in registry.entries[word].provenance.details["no_family"]


def test_operators_act_on_grids_of_other_sizes_than_they_were_fitted_on(catalog: Catalog) -> None:
    space = make_space()
    registry = fit_grid_operators(space, crops(), ["flip_lr"], catalog, KERNEL)
    images = torch.rand(1, 3, 24, 10)
    drawn = space.decode(registry.operator("flip_lr").apply(space.encode(images)))
    assert torch.allclose(drawn, images.flip(-1), atol=0.02)


def test_a_network_through_the_decoder_does_what_a_kernel_cannot(catalog: Catalog) -> None:
    space = make_space(bend=0.5)
    images = torch.stack(list(recolour_every_second(crops(10)))) / 255  # what is learned, not what is made of it
    errors = []
    for settings in (
        GridSettings(fit="kernel", kernel=1, size=16),
        GridSettings(kernel=1, size=16, width=32, depth=1, seconds=None, steps=300, batch_size=5, learning_rate=3e-3),
    ):
        registry = fit_grid_operators(space, crops(10), ["flip_lr"], catalog, settings)
        once = registry.operator("flip_lr").apply(space.encode(images))
        twice = registry.operator("flip_lr").apply(once)
        errors.append(
            [float((space.decode(z) - goal).square().mean()) for z, goal in ((once, images.flip(-1)), (twice, images))]
        )
    assert errors[1][0] < 0.8 * errors[0][0]
    assert errors[1][1] < 0.8 * errors[0][1]  # and does not drift where the decoder cannot see it


def test_equal_seeds_and_steps_give_equal_operators(catalog: Catalog) -> None:
    settings = GridSettings(kernel=1, size=16, width=4, depth=1, seconds=None, steps=10)
    registries = [fit_grid_operators(make_space(0.5), crops(), ["flip_lr"], catalog, settings) for _ in range(2)]
    one, other = (registry.operator("flip_lr") for registry in registries)
    codes = torch.randn(1, 12, 8, 8)
    assert torch.equal(one.apply(codes), other.apply(codes))


def test_interrupted_networks_keep_what_they_learned(catalog: Catalog) -> None:
    def stop(report: object) -> None:
        raise KeyboardInterrupt

    settings = GridSettings(kernel=1, size=16, width=4, depth=1)
    registry = fit_grid_operators(make_space(), crops(), ["flip_lr"], catalog, settings, progress=stop)
    assert registry.entries[catalog.word("flip_lr")].provenance.details["ended"] == "interrupted"


def test_every_view_of_the_group_is_a_source_in_turn(catalog: Catalog) -> None:
    plan = plan_grid_operators(catalog, ["rotate_cw"], 2)
    with Orbits(make_space(), catalog, plan.group, ()) as orbits:
        orbits.encode(crops(20))
        moments = gather(orbits, plan.targets[0], 1)
        assert moments.count == 4 * 20 * 64
        assert moments.residual(moments.solve()) < 1e-3


@pytest.mark.parametrize(
    ("augmentations", "message"),
    [
        ([], "at least one"),
        (["flip_lr * flip_ud"], "no single augmentation"),
        (["rotate"], "needs"),
        (["roll(0, 0)"], r"^roll\(0, 0\) does nothing by the laws; name others$"),
        (["roll(0, 0)", "brightness(0)"], r"^roll\(0, 0\), brightness\(0\) do nothing"),
    ],
)
def test_what_no_operator_can_be_fitted_to_is_refused(catalog: Catalog, augmentations: list[str], message: str) -> None:
    with pytest.raises(AugalgebraError, match=message):
        fit_grid_operators(make_space(), crops(), augmentations, catalog, KERNEL)


def test_what_does_nothing_beside_others_needs_no_operator(catalog: Catalog) -> None:
    plan = plan_grid_operators(catalog, ["roll(0, 0)", "flip_lr"], 2)
    assert [catalog.word("flip_lr")] == [target.word for target in plan.targets]


def test_no_pictures_and_impossible_settings_are_refused(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="no crop"):
        fit_grid_operators(make_space(), [], ["flip_lr"], catalog, KERNEL)
    for wrong in ({"fit": "kernal"}, {"kernel": 4}, {"seconds": None}, {"crops": 0}, {"seconds": float("nan")}):
        with pytest.raises(AugalgebraError):
            GridSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises((AugalgebraError, FitError)):
        fit_grid_operators(make_space(), crops(), ["crop"], catalog, KERNEL)


def test_a_kernel_does_not_learn_from_positions_beside_a_tear(catalog: Catalog) -> None:
    mix = torch.eye(12)
    space = ModuleSpace(SeesNeighbours(mix, 0.0), Decoder(mix, 0.0), channels=12, stride=2, name="neighbours")
    registry = fit_grid_operators(space, crops(), ["roll(4, 0)"], catalog, KERNEL)
    codes = torch.randn(2, 12, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(registry.operator("roll(4, 0)").apply(codes), codes.roll(2, 3), rtol=0, atol=0.01)
