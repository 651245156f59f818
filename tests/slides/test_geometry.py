"""Geometry, samplers and their judges find what was planted, and nothing where nothing was."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.image_quality import ImageQuality
from augalg_slides.measures.projection import check_method, methods_for, project
from augalg_slides.measures.separation import readable, separation
from augalg_slides.pages.fractions import draw_fractions, measure_fractions, true_fraction
from augalg_slides.pages.geometry import contraction, draw_geometry, measure_geometry
from augalg_slides.pages.recursion import draw_outcomes, draw_trajectories, follow, recursion_claims
from augalg_slides.pages.sampling import draw_sampling, measure_sampling
from augalg_slides.pages.synthetic import draw_synthetic, measure_synthetic

from augalgebra import Catalog, load_catalog
from augalgebra.consistency import information
from augalgebra.consistency.recursion import LabelOutcome, RecursionCurve, RecursionReport
from augalgebra.data.dataset import Dataset
from augalgebra.data.drawn.glyphs import FLIPS, RANGES
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError
from augalgebra.runs.run import Run
from augalgebra.runs.sampling import KINDS, check_kind, draw_codes
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

PNG = b"\x89PNG"
random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def digits_in(folder: Path, number: int) -> Dataset:
    """So many digits of 16×16 pixels, in a file."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    file = folder / "few.npz"
    images = np.kron(digits.images[:number], np.ones((2, 2))) / 16
    np.savez(file, images=images.astype(np.float32), labels=digits.target[:number])
    return load_data(file)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return digits_in(tmp_path_factory.mktemp("data"), 150)


@pytest.fixture(scope="module")
def run(data: Dataset, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = TrainSettings(data=data.name, width=4, dim=6, epochs=8)
    return train(tmp_path_factory.mktemp("runs") / "run", settings, catalog, data=data)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_planted_contraction_is_recovered(factor: float) -> None:
    labels = np.repeat(np.arange(3), 40)
    encoded = random.normal(size=(120, 4)) + 5 * labels[:, None]
    moved = (encoded - encoded.mean(axis=0)) * factor + encoded.mean(axis=0) + 1
    found = contraction("word", encoded, moved, labels)
    assert (found.ratio, found.within) == (pytest.approx(factor**2), pytest.approx(factor**2))
    assert found.offset == pytest.approx(2 / np.sqrt(encoded.var(axis=0).sum()))


def test_classes_that_contract_where_they_are_do_so_within_only() -> None:
    labels = np.repeat(np.arange(2), 50)
    encoded = random.normal(size=(100, 3)) + 100 * labels[:, None]
    moved = encoded.copy()
    for label in (0, 1):
        middle = encoded[labels == label].mean(axis=0)
        moved[labels == label] = middle + 0.1 * (encoded[labels == label] - middle)
    found = contraction("word", encoded, moved, labels)
    assert found.within == pytest.approx(0.01)
    assert found.ratio > 0.99


def test_groups_apart_are_told_apart_and_others_at_chance() -> None:
    groups, images = np.repeat(np.arange(4), 100), np.tile(np.arange(100), 4)
    noise = random.normal(size=(400, 5))
    apart = separation(noise + 40 * np.eye(4, 5)[groups], groups, images)
    assert (apart.linear, apart.neighbours, apart.chance) == (1.0, 1.0, 0.25)
    assert apart.silhouette > 0.7
    mixed = separation(noise, groups, images)
    assert mixed.best == pytest.approx(0.25, abs=0.08)
    assert abs(mixed.silhouette) < 0.05


def test_images_are_never_on_both_sides_of_a_split() -> None:
    # each image is far from all others, and its six codes are of one group: only a leak could tell which
    images = np.repeat(np.arange(30), 6)
    groups = random.permutation(np.repeat([0, 1], 15))[images]
    codes = 100 * random.normal(size=(30, 8))[images] + 0.01 * random.normal(size=(180, 8))
    assert separation(codes, groups).neighbours > 0.95
    assert separation(codes, groups, images).neighbours < 0.75


def test_regions_with_bent_walls_are_found_by_neighbours_alone() -> None:
    angle = random.uniform(0, 2 * np.pi, 300)
    groups = np.repeat([0, 1], 150)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(groups, 3, 1)[:, None]
    found = separation(ring, groups)
    assert found.neighbours > 0.98
    assert found.linear < 0.7


def test_what_is_a_linear_function_of_codes_is_readable() -> None:
    codes = random.normal(size=(300, 4))
    assert readable(codes, codes @ np.array([1.0, -2.0, 0.5, 0.0])) > 0.999
    assert abs(readable(codes, random.normal(size=300))) < 0.1


def test_too_little_to_tell_apart_is_refused() -> None:
    with pytest.raises(AugalgebraError, match="if there are two"):
        separation(np.zeros((10, 2)), np.zeros(10, np.int64))
    with pytest.raises(AugalgebraError, match="take more images"):
        separation(np.zeros((4, 2)), np.array([0, 0, 1, 1]), np.zeros(4, np.int64))


def test_principal_components_show_the_widest_plane() -> None:
    codes = random.normal(size=(500, 5)) * np.array([0.1, 9, 0.1, 4, 0.1])
    points, more = project("pca", codes, [codes[:3]])
    centred = codes - codes.mean(axis=0)
    match = np.abs(np.corrcoef(points.T, centred[:, [1, 3]].T)[:2, 2:])
    assert match.diagonal().min() > 0.99
    np.testing.assert_allclose(points.var(axis=0), centred[:, [1, 3]].var(axis=0), rtol=0.02)
    np.testing.assert_allclose(more, points[:3])


def test_independent_components_undo_a_rotation() -> None:
    sources = random.uniform(-1, 1, size=(2000, 2))
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    codes = np.concatenate([sources @ turn, 1e-3 * random.normal(size=(2000, 2))], axis=1)
    (points,) = project("ica", codes)
    match = np.abs(np.corrcoef(points.T, sources.T)[:2, 2:])
    assert sorted(match.max(axis=1)) == [pytest.approx(1, abs=0.02)] * 2
    assert match.min(axis=1).max() < 0.1


def test_projections_depend_on_the_seed_alone() -> None:
    codes = random.normal(size=(60, 4))
    for method in methods_for(4):
        first, again = (project(method, codes, [codes[:5] + 1], seed=3) for _ in range(2))
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)
    (same,) = project("direct", codes[:, :2])
    np.testing.assert_array_equal(same, codes[:, :2])


@pytest.mark.parametrize(
    ("method", "dim", "message"),
    [
        ("pcaa", 5, "no method 'pcaa'; there are direct, pca, ica, tsne. Did you mean pca"),
        ("direct", 5, "codes of 5 coordinates cannot be shown by direct; use pca, ica, tsne"),
        ("ica", 2, "use direct"),
        ("pca", 1, "codes of 1 coordinate cannot be shown by pca; a plane needs at least two"),
    ],
)
def test_methods_that_do_not_suit_are_refused(method: str, dim: int, message: str) -> None:
    with pytest.raises(AugalgebraError, match=message):
        check_method(method, dim)


def test_samplers_draw_where_codes_lie() -> None:
    codes = torch.randn(2000, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([3.0, 0.5, 1.0]) + 2
    low, high = codes.aminmax(dim=0)
    drawn = {kind: draw_codes(kind, codes, 4000, seed=5) for kind in KINDS}
    assert bool(((drawn["box"] >= low) & (drawn["box"] <= high)).all())
    for kind in ("gaussian", "mixture", "whitened"):
        torch.testing.assert_close(drawn[kind].mean(0), codes.mean(0), atol=0.2, rtol=0)
        torch.testing.assert_close(drawn[kind].std(0), codes.std(0), atol=0.15, rtol=0.05)
    torch.testing.assert_close(drawn["prior"].mean(0), torch.zeros(3), atol=0.1, rtol=0)
    for kind in KINDS:
        assert torch.equal(drawn[kind], draw_codes(kind, codes, 4000, seed=5))
        assert not torch.equal(drawn[kind], draw_codes(kind, codes, 4000, seed=6))


def test_what_falls_out_of_the_whitened_box_is_rejected() -> None:
    # two long thin clouds along the diagonal: the box along the axes is empty almost everywhere
    along = torch.rand(500, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codes = torch.cat([along, along], 1) + 0.01 * torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    axis = torch.tensor([0.5, 0.5]).sqrt()
    drawn = draw_codes("whitened", codes, 5000)
    limit = (codes @ axis).abs().max()
    assert bool(((drawn @ axis).abs() <= limit + 1e-3).all())
    assert bool(((draw_codes("gaussian", codes, 5000) @ axis).abs() > limit).any())


def test_a_mixture_keeps_two_clouds_apart() -> None:
    sides = torch.cat([torch.full((300, 2), -5.0), torch.full((300, 2), 5.0)])
    codes = sides + torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    mixture, normal = (draw_codes(kind, codes, 500) for kind in ("mixture", "gaussian"))
    assert float((mixture.mean(1).abs() < 2).float().mean()) < 0.02 < float((normal.mean(1).abs() < 2).float().mean())


def test_unknown_kinds_are_answered_with_known_ones() -> None:
    with pytest.raises(AugalgebraError, match=r"no way 'boxx' to draw codes; .* Did you mean box\?"):
        check_kind("boxx")


def test_samples_that_collapse_cover_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    strengths, patterns = torch.rand(240, 4, generator=generator), torch.rand(4, 36, generator=generator)
    images = (strengths @ patterns / 4).view(240, 1, 6, 6)
    judge = ImageQuality(images[:120])
    others, collapsed = judge(images[120:]), judge(images[120:121].expand(120, -1, -1, -1))
    far = judge(1 - 10 * images[120:])
    assert others.coverage > 0.9
    assert others.density == pytest.approx(1, abs=0.35)
    assert collapsed.coverage < 0.3 * others.coverage
    assert (far.coverage, far.density) == (0, 0)
    assert far.likelihood < others.likelihood - 100
    assert others.confidence is None
    with pytest.raises(AugalgebraError, match="too few to compare with"):
        ImageQuality(images[:5])


def test_a_run_is_measured_and_drawn(run: Run, data: Dataset, tmp_path: Path) -> None:
    found = measure_geometry(run, data=data)
    assert found.to_dict() == measure_geometry(run, data=data).to_dict()
    assert [item.view for item in found.contractions] == [
        "flip_lr",
        "flip_ud",
        "flip_lr * flip_ud",
        "flip_ud * flip_lr",
    ]
    # the views of both orders show the same images, so they are not told apart
    assert found.clouds.same == (0, 1, 2, 3, 3)
    assert found.views["encoded"].chance == 0.25
    np.testing.assert_allclose(found.clouds.moved[0], found.clouds.encoded[0])
    assert [claim.slide for claim in found.claims] == ["12", "22"]
    for method in ("pca", "tsne"):
        assert draw_geometry(found, tmp_path / f"{method}.png", method).read_bytes().startswith(PNG)


def test_samples_of_a_run_stand_beside_images_and_reconstructions(run: Run, data: Dataset, tmp_path: Path) -> None:
    found = measure_sampling(run, data=data, number=25)
    assert list(found.qualities) == ["images", "reconstructed", *KINDS]
    assert all(quality.confidence is not None for quality in found.qualities.values())
    assert found.to_dict() == measure_sampling(run, data=data, number=25).to_dict()
    assert [claim.slide for claim in found.claims] == ["10"] * 3
    assert all(claim.holds is not None for claim in found.claims)
    assert draw_sampling(found, tmp_path / "samples.png").read_bytes().startswith(PNG)


def test_laws_say_what_a_fraction_does_to_pixels(catalog: Catalog) -> None:
    def shown(name: str, exponent: Fraction) -> str | None:
        word = true_fraction(catalog, catalog.word(name), exponent)
        return None if word is None else catalog.display(word)

    assert shown("rotate_cw", Fraction(1, 3)) == "rotate(-30)"
    assert shown("rotate_ccw", Fraction(1, 2)) == "rotate(45)"
    assert shown("flip_lr", Fraction(1, 2)) is None
    assert shown("flip_lr", Fraction(1)) == "flip_lr"
    assert true_fraction(catalog, catalog.word("flip_lr"), Fraction(0)) == catalog.word("id")


def test_fractions_stand_beside_floor_and_identity(run: Run, data: Dataset, tmp_path: Path) -> None:
    found = measure_fractions(run, data=data, fitted=(30, 60), unseen=(45,), exponents=(Fraction(1, 2), Fraction(1)))
    members = [score for score in found.scores if score.way == "family"]
    assert [(score.at, score.fitted) for score in members] == [(30, True), (45, False), (60, True)]
    assert all(score.gap.floor > score.gap.entropy > 0 for score in members)
    assert all(score.gap.identity_ratio and score.gap.gap_ratio for score in members)
    half, whole = (score for score in found.scores if score.of == "flip_lr")
    assert half.truth is None
    assert whole.defect == pytest.approx(0, abs=1e-9)
    assert whole.gap is not None
    assert half.gap is None
    assert "gap_ratio" not in half.to_dict()
    assert whole.to_dict()["excess"] == pytest.approx(whole.gap.bce - whole.gap.entropy)
    # three -1 among six eigenvalues: no real root, and that is said
    odd = int((run.registry.operator("flip_lr").spectrum.real < 0).sum()) % 2 == 1
    assert (half.one_parameter, bool(half.reason)) == (not odd, odd)
    assert "rotate(30)" not in run.registry
    assert draw_fractions(found, tmp_path / "fractions.png").read_bytes().startswith(PNG)


def test_a_trajectory_in_the_latent_space_comes_back_and_is_drawn(run: Run, data: Dataset, tmp_path: Path) -> None:
    paths = [follow(run, "flip_lr", repeats=4, way=way, data=data) for way in ("plain", "latent")]
    assert paths[0].labels == (7, 2)
    assert all(data.test.labels[image] == label for label, image in zip((7, 2), paths[0].images, strict=True))
    assert max(paths[1].travelled) < 1e-4 < min(paths[0].travelled)
    assert paths[0].codes.shape == (2, 5, 6)
    assert draw_trajectories(paths, tmp_path / "ways.png", "pca").read_bytes().startswith(PNG)
    with pytest.raises(AugalgebraError, match="t-SNE has no place"):
        draw_trajectories(paths, tmp_path / "ways.png", "tsne")
    with pytest.raises(AugalgebraError, match="has the label 11"):
        follow(run, "flip_lr", repeats=1, labels=[11], data=data)


def curve(became: dict[int, dict[int, int]], last: dict[int, float]) -> RecursionCurve:
    images = sum(sum(counts.values()) for counts in became.values())
    kept = sum(counts.get(label, 0) for label, counts in became.items()) / images
    outcomes = {label: LabelOutcome(10, 50.0, loss, None) for label, loss in last.items()}
    return RecursionCurve("plain", (90.0, 100.0), (40.0, 40.0), (1.0, kept), outcomes, 0.0, became)


@pytest.mark.parametrize(
    ("twos", "sevens", "verdicts"),
    [
        ({2: 2, 8: 8}, {7: 10}, [True, True, True]),
        ({2: 2, 3: 8}, {7: 10}, [True, False, True]),
        ({2: 10}, {7: 10}, [False, False, False]),
        ({2: 2, 8: 8}, {7: 1, 9: 9}, [False, True, False]),
    ],
)
def test_claims_about_repeats_follow_the_numbers(
    twos: dict[int, int], sevens: dict[int, int], verdicts: list[bool], tmp_path: Path
) -> None:
    plain = curve({2: twos, 7: sevens}, {2: 100.0, 7: 55.0})
    report = RecursionReport("flip_lr", 2, 20, "main", {"plain": plain}, (50.0, 50.0), (90.0, 50.0), (40.0, 40.0))
    claims = recursion_claims(report, "digits")
    assert [claim.holds for claim in claims] == verdicts
    assert all(isinstance(claim, Claim) for claim in claims)
    assert len(recursion_claims(report, "glyphs")) == 1
    assert draw_outcomes(report, tmp_path / "outcomes.png").read_bytes().startswith(PNG)


def test_spaces_from_glyphs_are_compared(catalog: Catalog, tmp_path: Path) -> None:
    found = measure_synthetic(catalog, glyphs=300, samples=18_000, dim=8, width=4)
    assert [score.name for score in found.scores] == ["glyphs with flips", "glyphs in pairs"]
    for score in found.scores:
        assert {*RANGES, *FLIPS} == score.factors.keys()
        assert max(score.factors.values()) > 0.2
        flip = score.flips["glyphs flip_lr"]
        assert flip.r2 > flip.identity_r2
        assert flip.gap is not None
        assert flip.to_dict()["gap_ratio"] == pytest.approx(flip.gap.excess / flip.gap.floor_excess)
    assert [claim.slide for claim in found.claims] == ["17"]
    assert found.claims[0].holds is not None
    assert draw_synthetic(found, tmp_path / "glyphs.png").read_bytes().startswith(PNG)


def test_a_family_that_cannot_be_drawn_at_all_decides_nothing(
    run: Run, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augalg_slides.pages import fractions

    monkeypatch.setattr(fractions, "DRAWABLE", 1e-3)
    claim = measure_fractions(run, data=data, images=20, fitted=(30, 60), unseen=(45,)).claims[0]
    assert claim.holds is None
    assert "this decoder draws no such images" in claim.measured
    assert claim.values["of originals"] > 0


def test_a_run_that_draws_one_picture_for_all_decides_nothing(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = digits_in(tmp_path, 400)
    empty = train(tmp_path / "empty", TrainSettings(data=many.name, width=4, dim=4, epochs=1), catalog, data=many)
    sampled = measure_sampling(empty, data=many)
    assert [claim.holds for claim in sampled.claims] == [None] * 3
    assert all("reconstructions cover too few to tell" in claim.measured for claim in sampled.claims)
    contracts = measure_geometry(empty, data=many).claims[0]
    assert (contracts.slide, contracts.holds) == ("12", None)
    assert "these codes say nothing of the images" in contracts.measured
    monkeypatch.setattr(information, "LEAST_SPREAD", 0.0)
    monkeypatch.setattr(information, "LEAST_DIVERGENCE", 0.0)
    assert measure_geometry(empty, data=many).claims[0].holds is not None


def test_spaces_from_glyphs_that_draw_one_picture_for_all_decide_nothing(catalog: Catalog) -> None:
    glyphs = measure_synthetic(catalog, glyphs=60, samples=60, dim=3, width=2).claims[0]
    assert glyphs.holds is None
    assert "glyphs with flips and in that made from glyphs in pairs" in glyphs.measured


def test_half_a_training_on_glyphs_is_not_compared(catalog: Catalog) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_synthetic(catalog, glyphs=60, samples=240, dim=3, width=2, progress=stop)
