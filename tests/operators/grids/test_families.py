"""Families of kernels: planted ones are found, between and beyond the members they were fitted to."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import augalgebra as aa
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.errors import FitError, MissingOperatorError, MomentsError, StoreError
from augalgebra.latent.store import pack_tensors, unpack_tensors
from augalgebra.operators.grids.families import FamilyMoments, KernelFamily
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.parameters import ParameterFamily
from augalgebra.operators.grids.registry import GridFamilyEntry, GridRegistry
from augalgebra.operators.grids.resampling import ResampledMove
from augalgebra.operators.grids.store import KIND, load_grid_registry, pack_grid_registry, save_grid_registry

CHANNELS, STRIDE = 3, 8


class Planted:
    """Families that the plugins do not have."""

    @aa.hookimpl
    def augalg_register(self, register: aa.Register) -> None:
        @register(
            "planted.mix",
            laws=["mix(0, 1, s) = id"],
            params=[aa.Param("a"), aa.Param("b"), aa.Param("kind", default=0)],
        )
        def mix(x: Tensor, a: float, b: float, kind: float) -> Tensor:
            return (x * b + a).clamp(0, 1)

        @register("planted.lawless", params=[aa.Param("a")])
        def lawless(x: Tensor, a: float) -> Tensor:
            return x * a


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(aa.Settings(), modules=[Planted()])


def noise(seed: int, count: int = 3, height: int = 9, width: int = 11) -> Tensor:
    return torch.randn(count, CHANNELS, height, width, generator=torch.Generator().manual_seed(seed)).double()


Law = Callable[[Sequence[float]], Sequence[float]]


class World:
    """Codes whose members act by planted kernels, with coefficients that depend on the parameters by some law."""

    def __init__(self, law: Law, powers: int, side: int = 3, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.law, self.side = law, side
        self.kernels = 0.2 * torch.randn(powers, CHANNELS, CHANNELS, side, side, generator=random).double()
        self.biases = torch.randn(powers, CHANNELS, generator=random).double()

    def weight(self, values: Sequence[float]) -> tuple[Tensor, Tensor]:
        factors = torch.tensor(self.law(values), dtype=torch.float64)
        weight = torch.tensordot(factors, self.kernels, 1)
        weight[:, :, self.side // 2, self.side // 2] += torch.eye(CHANNELS, dtype=torch.float64)
        return weight, factors @ self.biases

    def act(self, codes: Tensor, values: Sequence[float]) -> Tensor:
        return functional.conv2d(codes, *self.weight(values), padding=self.side // 2)


def fit(catalog: Catalog, world: World, name: str, seen: Sequence[float], degree: int | None = None) -> KernelFamily:
    family = ParameterFamily.of(catalog, f"{name}({seen[0]})")
    moments = FamilyMoments(catalog, family, STRIDE, CHANNELS, world.side)
    for number, value in enumerate(seen):
        codes = noise(number)
        moments.add(f"{name}({value})", codes, world.act(codes, [value]))
    return moments.fit(degree=degree, ridge=0)


def assert_same(fitted: KernelFamily, world: World, values: Sequence[float]) -> None:
    weight, bias = world.weight(values)
    own = fitted.at(*values)
    torch.testing.assert_close(own.weight.detach().double(), weight, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(own.bias.detach().double(), bias, atol=1e-5, rtol=1e-5)


def test_a_planted_family_is_found_between_and_beyond_its_members(catalog: Catalog) -> None:
    world = World(lambda v: [v[0], v[0] ** 2], 2)
    fitted = fit(catalog, world, "brightness", [-0.3, 0.1, 0.25])
    for value in (-0.3, -0.07, 0.25, 0.6):
        assert_same(fitted, world, [value])
    assert fitted.exponents == ((1,), (2,))
    assert [member.parameters for member in fitted.members] == [(-0.3,), (0.1,), (0.25,)]
    assert all(member.residual < 1e-6 < member.plain for member in fitted.members)


def test_what_multiplies_is_told_apart_by_logarithms(catalog: Catalog) -> None:
    world = World(lambda v: [np.log(v[0]), np.log(v[0]) ** 2], 2)
    fitted = fit(catalog, world, "gamma", [0.5, 0.8, 2, 3])
    assert fitted.family.logarithmic
    for value in (0.4, 1.3, 4):
        assert_same(fitted, world, [value])


def test_what_does_nothing_at_one_is_measured_from_there(catalog: Catalog) -> None:
    world = World(lambda v: [v[0] - 1, (v[0] - 1) ** 2], 2)
    fitted = fit(catalog, world, "contrast", [0.5, 0.8, 1.5])
    assert not fitted.family.logarithmic
    assert_same(fitted, world, [0])
    assert_same(fitted, world, [1.2])


@pytest.mark.parametrize("name", ["brightness", "gamma", "contrast"])
def test_the_member_that_does_nothing_is_exactly_the_identity(catalog: Catalog, name: str) -> None:
    fitted = fit(catalog, World(lambda v: [v[0]], 1), name, [0.6, 0.7, 0.8])
    still = 0 if name == "brightness" else 1
    member = fitted.member(catalog.word(f"{name}({still})"))
    assert member is not None
    codes = noise(0).float()
    assert torch.equal(member(codes), codes)
    assert torch.equal(fitted.at(still)(codes), codes)


def test_two_parameters_beside_one_that_stays(catalog: Catalog) -> None:
    family = ParameterFamily.of(catalog, "mix(0.5, 2, 7)")
    assert (family.key, family.positions) == ("planted.mix(·, ·, 7)", (0, 1))
    world = World(lambda v: [v[0], v[1] - 1, v[0] * (v[1] - 1)], 3, side=1)
    moments = FamilyMoments(catalog, family, STRIDE, CHANNELS, 1)
    points = [(a, b) for a in (-0.2, 0, 0.3) for b in (0.5, 1, 1.5) if (a, b) != (0, 1)]
    for a, b in points:
        codes = noise(5)
        moments.add(f"mix({a}, {b}, 7)", codes, world.act(codes, (a, b)))
    fitted = moments.fit(ridge=0)
    assert len(fitted.exponents) == 5
    assert_same(fitted, world, (0.17, 1.3))
    assert fitted.member(catalog.word("mix(0.1, 1, 6)")) is None
    (remark,) = fitted.remarks(catalog.word("mix(0.1, 1.7, 7)"))
    assert remark.endswith("beyond the parameters that planted.mix(·, ·, 7) was fitted to (-0.2 to 0.3 and 0.5 to 1.5)")


def test_shifts_go_as_far_as_the_grid_does_and_kernels_do_the_rest(catalog: Catalog) -> None:
    def act(codes: Tensor, dx: int, dy: int) -> Tensor:
        """Codes that are pictures drawn coarsely, so that a shift mixes neighbours."""
        for pixels, dim in ((dx, -1), (dy, -2)):
            near, part = divmod(pixels, STRIDE)
            codes = codes.roll(near, dim)
            codes = codes + part / STRIDE * (codes.roll(1, dim) - codes)
        return codes

    family = ParameterFamily.of(catalog, "roll(1, 0)")
    moments = FamilyMoments(catalog, family, STRIDE, CHANNELS, 3)
    for dx, dy in [(1, 0), (3, 0), (0, 2), (0, 4), (2, 2), (17, 0), (12, 12)]:
        codes = noise(dx + dy)
        moments.add(f"roll({dx}, {dy})", codes, act(codes, dx, dy))
    fitted = moments.fit(ridge=0)
    assert fitted.kind == "shifted"
    codes = noise(99).float()
    for dx, dy in [(1, 1), (11, 2), (8, 16), (-13, 1)]:
        word = catalog.word(f"roll({dx}, {dy})")
        member = fitted.member(word)
        assert member is not None
        assert isinstance(member.move, GridMove | None)
        inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
        torch.testing.assert_close(member(codes)[inside], act(codes, dx, dy)[inside], atol=1e-4, rtol=0)
        assert fitted.remarks(word) == ()
    (remark,) = fitted.remarks(catalog.word("roll(6, 0)"))
    assert "roll(6, 0), which leaves a shift by -2 and 0 pixels, lies beyond" in remark
    assert remark.endswith("was fitted to (0 to 4 and 0 to 4)")
    whole = fitted.member(catalog.word("roll(8, -16)"))
    assert whole is not None
    assert torch.equal(whole(codes), codes.roll((-2, 1), (-2, -1)))


def test_turns_are_resampled_first(catalog: Catalog) -> None:
    family = ParameterFamily.of(catalog, "rotate(10)")
    assert family.key == "affine.rotate(·, 0)"
    world = World(lambda v: [v[0] / 10], 1)
    moments = FamilyMoments(catalog, family, STRIDE, CHANNELS, 3)
    for angle in (-10, 5, 12):
        codes = noise(angle + 20).float()
        move = ResampledMove.of(catalog, f"rotate({angle})", STRIDE)
        moments.add(f"rotate({angle})", codes, world.act(move.apply(codes).double(), [angle]).float())
    fitted = moments.fit(degree=1, ridge=0)
    assert fitted.kind == "resampled"
    for angle in (-10, 8):
        weight, _ = world.weight([angle])
        torch.testing.assert_close(fitted.at(angle).weight.detach().double(), weight, atol=1e-3, rtol=0)
    assert fitted.member(catalog.word("rotate(90)")) is None  # the grid turns: that has a kernel of its own
    still = fitted.member(catalog.word("rotate(0)"))
    assert still is not None
    codes = noise(1).float()
    assert torch.equal(still(codes), codes)
    assert "fitted to (-10 to 12)" in fitted.remarks(catalog.word("rotate(20)"))[0]


def test_members_beyond_what_was_seen_are_remarked_on(catalog: Catalog) -> None:
    fitted = fit(catalog, World(lambda v: [v[0]], 1), "brightness", [0.1, 0.3], degree=1)
    assert fitted.remarks(catalog.word("brightness(0.2)")) == ()
    assert fitted.remarks(catalog.word("brightness(0.05)")) == ()  # between nothing and what was seen
    for beyond in ("-0.1", "0.35"):
        (remark,) = fitted.remarks(catalog.word(f"brightness({beyond})"))
        assert "beyond the parameters that photometric.brightness(·) was fitted to (0 to 0.3)" in remark


def test_parts_are_merged(catalog: Catalog) -> None:
    world = World(lambda v: [v[0]], 1)
    family = ParameterFamily.of(catalog, "brightness(0.1)")
    whole, first, second = (FamilyMoments(catalog, family, STRIDE, CHANNELS, 3) for _ in range(3))
    for number, value in enumerate([0.1, 0.2, 0.2, -0.1]):
        codes = noise(number)
        target = world.act(codes, [value]) + 0.1 * noise(number + 9)
        whole.add(f"brightness({value})", codes, target)
        (first if number < 2 else second).add(f"brightness({value})", codes, target)
    merged = (first + second).fit()
    np.testing.assert_allclose(merged.kernels, whole.fit().kernels, atol=1e-9)
    assert [member.positions for member in merged.members] == [297, 594, 297]
    with pytest.raises(MomentsError, match="different families"):
        first + FamilyMoments(catalog, ParameterFamily.of(catalog, "gamma(2)"), STRIDE, CHANNELS, 3)


def test_fewer_members_mean_fewer_powers(catalog: Catalog) -> None:
    world = World(lambda v: [v[0]], 1)
    assert fit(catalog, world, "brightness", [0.2]).exponents == ((1,),)
    with pytest.raises(FitError, match=r"brightness\(0.2\) are too few members for powers up to 2"):
        fit(catalog, world, "brightness", [0.2], degree=2)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("flip_lr", "no single augmentation with parameters"),
        ("brightness(0.1) * gamma(2)", "no single augmentation with parameters"),
        ("shear_x", "no single augmentation with parameters"),
        ("lawless(0.5)", "no law says at which parameters lawless does nothing"),
        ("gaussian_blur(1)", "no law says at which parameters gaussian_blur does nothing"),
    ],
)
def test_what_is_no_family(catalog: Catalog, word: str, message: str) -> None:
    with pytest.raises(FitError, match=message):
        ParameterFamily.of(catalog, word)


def test_what_a_family_refuses(catalog: Catalog) -> None:
    family = ParameterFamily.of(catalog, "rotate(10)")
    moments = FamilyMoments(catalog, family, STRIDE, CHANNELS, 1)
    codes = noise(0, height=9, width=9).float()
    with pytest.raises(FitError, match="do nothing"):
        moments.fit()
    with pytest.raises(FitError, match=r"rotate\(10, 0.5\) is no member of affine.rotate"):
        moments.add("rotate(10, 0.5)", codes, codes)
    moments.add("rotate(0)", codes, codes)
    with pytest.raises(FitError, match="do nothing"):
        moments.fit()
    moments.add("rotate(90)", codes, codes)
    with pytest.raises(FitError, match="turn or reflect"):
        moments.fit()
    fitted = fit(catalog, World(lambda v: [v[0]], 1), "gamma", [0.6, 2])
    with pytest.raises(FitError, match="has 1 parameters, not 2"):
        fitted.at(1, 2)
    assert family.parameters(catalog.word("rotate(1/2)")) == (Fraction(1, 2),)
    assert fitted.family.parameters(catalog.word("brightness(0.5)")) is None


class Codes:
    """As much of a latent space as a registry needs."""

    channels, stride = CHANNELS, STRIDE

    def fingerprint(self) -> str:
        return "f" * 64


@pytest.fixture
def registry(catalog: Catalog) -> GridRegistry:
    known = GridRegistry.of(Codes(), catalog)
    for fitted in (
        fit(catalog, World(lambda v: [v[0], v[0] ** 2], 2), "brightness", [-0.2, 0.1, 0.3]),
        fit(catalog, World(lambda v: [np.log(v[0])], 1, side=1), "gamma", [0.5, 2]),
    ):
        provenance = known.provenance(fitted.key, catalog.word(fitted.family.word([1])), "family")
        known.add(GridFamilyEntry(fitted, provenance))
    return known


def test_a_registry_answers_for_members_and_says_which_were_too_far(registry: GridRegistry) -> None:
    codes = noise(0).float()
    brighter = registry.operator("brightness(0.2)")
    assert brighter.stale == ()
    assert not torch.equal(brighter.apply(codes), codes)
    assert "lies beyond" in registry.operator("brightness(0.9)").stale[0]
    there_and_back = registry.operator("gamma(2) * gamma(2)^-1")
    assert torch.equal(there_and_back.apply(codes), codes)
    once, twice = registry.operator("gamma(3)"), registry.operator("gamma(1.5) * gamma(2)")
    assert torch.equal(once.apply(codes), twice.apply(codes))
    with pytest.raises(MissingOperatorError, match=r"no operator for contrast.*brightness\(·\)"):
        registry.operator("contrast(0.5)")


def test_families_come_back_from_files_as_they_were(registry: GridRegistry, tmp_path: Path) -> None:
    save_grid_registry(registry, tmp_path / "operators")
    read = load_grid_registry(tmp_path / "operators", Codes(), registry.catalog)
    codes = noise(0).float()
    for word in ("brightness(0.2)", "brightness(0.9)", "gamma(0.7)", "gamma(1)"):
        own, other = read.operator(word), registry.operator(word)
        assert torch.equal(own.apply(codes), other.apply(codes))
        assert own.stale == other.stale
    assert list(read.families) == list(registry.families)
    assert pack_grid_registry(read) == pack_grid_registry(registry)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("symbol", "gamma(1) * gamma(2)"),
        ("symbol", "gamma"),
        ("positions", []),
        ("positions", [3]),
        ("moves", "sideways"),
        ("exponents", [[1]]),
        ("exponents", [[1, 1], [2, 2]]),
        ("scales", ["x"]),
        ("members", [{"parameters": [1]}]),
    ],
)
def test_files_that_describe_no_family_are_refused(
    registry: GridRegistry, tmp_path: Path, key: str, value: object
) -> None:
    tensors, header = unpack_tensors(pack_grid_registry(registry), tmp_path, KIND)
    header.data["families"][0][key] = value
    with pytest.raises(StoreError, match="does not hold the operators its header describes"):
        load_grid_registry(tmp_path / "x", Codes(), registry.catalog, content=pack_tensors(tensors, dict(header.data)))
