"""Operators on grids are measured beside every other way; a planted fault is found."""

import math
from typing import Any

import pytest
import torch
from grid_spaces import STRIDE, exact_map, exact_registry, patch_space, pictures

from augalgebra import Catalog, load_catalog
from augalgebra.consistency.cases import words_up_to
from augalgebra.consistency.grids.measuring import APPLICATIONS, measure_grid, tell_parts
from augalgebra.consistency.grids.report import GridReport, GridScore
from augalgebra.errors import ImageError
from augalgebra.latent.grids import ModuleSpace
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.operator import GridMap
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.tasks import Workers

D4 = ("flip_lr", "rotate_cw")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def space() -> ModuleSpace:
    return patch_space()


@pytest.fixture
def registry(space: ModuleSpace, catalog: Catalog) -> GridRegistry:
    return exact_registry(space, catalog, D4)


def measure(space: ModuleSpace, registry: GridRegistry, *words: str, generators: tuple[str, ...] = ()) -> GridReport:
    catalog = registry.catalog
    asked = [catalog.word(word) for word in words]
    letters = [catalog.word(name) for name in generators]
    return measure_grid(space, registry, catalog, pictures(3), asked, generators=letters, batch=2)


def psnr(score: GridScore) -> dict[str, float]:
    return {way: quality.psnr for way, quality in score.ways.items()}


def test_workers_measure_the_same_to_the_last_bit(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    letters = [catalog.word(name) for name in D4]
    words, told = words_up_to(letters, 2), []

    def found(workers: Workers | None) -> dict[str, Any]:
        return measure_grid(
            space,
            registry,
            catalog,
            pictures(3),
            words,
            generators=letters,
            cost=False,
            batch=2,
            workers=workers,
            progress=lambda done, total, name: told.append((done, total, name)),
        ).to_dict()

    alone = found(None)
    told.clear()
    assert alone == found(Workers(2))
    number = len(alone["words"])
    assert [(done, number) for done in range(1, number + 1)] == [one[:2] for one in told]


def test_exact_operators_hold_for_every_element(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    letters = [catalog.word(name) for name in D4]
    words = words_up_to(letters, 6)
    report = measure_grid(space, registry, catalog, pictures(3), words, generators=letters)
    assert len(report.scores) == 7
    assert sum(score.spellings for score in report.scores) + sum(not registry.reduced(w) for w in words) == len(words)
    for score in report.scores:
        reached = psnr(score)
        assert score.verdict == "holds"
        assert reached["operator"] == pytest.approx(reached["floor"], abs=1e-3)
        assert reached["plain"] < reached["floor"] - 3
        assert score.share == pytest.approx(1, abs=1e-3)
        code_error = score.ways["operator"].code_error
        assert code_error is not None
        assert code_error < 1e-9
        assert score.ways["plain"].delta_e > score.ways["operator"].delta_e
        assert score.ways["plain"].ssim < score.ways["operator"].ssim <= 1
    assert max(relation.defect for relation in report.relations) < 1e-5
    assert {"law", "composition"} == {relation.source for relation in report.relations}
    for drift in report.drift:
        assert drift.applications == APPLICATIONS
        assert drift.psnr == pytest.approx(drift.floor, abs=1e-2)
    assert report.cost is not None
    assert report.cost.views == 8
    assert report.cost.code_bytes == 2 * 27 * 8 * 8
    assert report.failing(0.9) == ""


def test_a_plain_move_in_place_of_an_operator_fails_and_comes_first(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    word = catalog.word("flip_lr")
    registry.add(registry.entry_for(GridMap(GridMove.of(catalog, word, STRIDE)), word, "planted"))
    report = measure(space, registry, "rotate_cw", "flip_lr", generators=D4)
    worst = report.worst
    assert worst is report.worst_first[0]
    assert worst is not None
    assert (worst.word, worst.verdict) == ("flip_lr", "fails")
    assert psnr(worst)["operator"] == pytest.approx(psnr(worst)["plain"])
    assert worst.share == pytest.approx(0)
    assert "plain" in worst.bar
    assert "flip_lr" in report.failing(0.5)
    # the involution still fulfils its own law, but not those with the turn
    defects = {relation.equation: relation.defect for relation in report.relations}
    assert defects["flip_lr^2 = id"] < 1e-6
    assert max(defects.values()) > 0.1
    answer = report.to_dict()
    assert [word["word"] for word in answer["words"]] == ["flip_lr", "rotate_cw"]
    assert answer["worst_share"] == pytest.approx(0)


def test_an_operator_halfway_is_usable(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    word = catalog.word("flip_lr")
    found = exact_map(space, catalog, word)
    with torch.no_grad():
        found.local.weight.mul_(0.93)  # type: ignore[union-attr, operator]
    registry.add(registry.entry_for(found, word, "planted"))
    (score,) = measure(space, registry, "flip_lr").scores
    assert score.verdict == "usable"
    assert score.share is not None
    assert 0 < score.share < 0.9


def test_the_worst_crop_is_told_beside_the_mean(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    word = catalog.word("flip_lr")
    found = exact_map(space, catalog, word)
    with torch.no_grad():
        found.local.weight.mul_(0.93)  # type: ignore[union-attr, operator]
    registry.add(registry.entry_for(found, word, "planted"))
    crops = pictures(5)
    crops = [crop if number == 3 else crop // 4 for number, crop in enumerate(crops)]  # too dark by 7 % of little
    report = measure_grid(space, registry, catalog, crops, [word], batch=2, drift=False, cost=False)
    (score,) = report.scores

    with torch.no_grad():
        before, true = (torch.stack(crops).float() / 255, torch.stack(crops).flip(-1).float() / 255)
        codes = space.encode(before)
        shown = found(codes), codes.flip(-1), space.encode(true)
        errors = [(space.decode(item) - true).square().flatten(1).mean(1).log10() for item in shown]
    own, plain, floor = (-10 * error for error in errors)
    shares = (own - plain) / (floor - plain)
    assert score.worst_crop is not None
    assert score.worst_crop.number == 4 == int(own.argmin()) + 1
    assert score.worst_crop.psnr == pytest.approx(float(own.min()), abs=1e-3)
    assert score.worst_crop.floor == pytest.approx(float(floor[3]), abs=1e-3)
    assert score.worst_crop.share == pytest.approx(float(shares[3]), abs=1e-3)
    assert score.lowest_share == pytest.approx(float(shares.min()), abs=1e-3)
    assert score.psnr > score.worst_crop.psnr + 3
    answer = report.to_dict()
    assert answer["words"][0]["worst_crop"]["number"] == 4
    assert answer["lowest_share"] == answer["words"][0]["lowest_share"] == pytest.approx(score.lowest_share)


def test_what_adds_up_over_saved_results_is_seen(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    word = catalog.word("flip_lr")
    found = exact_map(space, catalog, word)
    with torch.no_grad():
        found.local.weight.mul_(0.98)  # type: ignore[union-attr, operator]
    registry.add(registry.entry_for(found, word, "planted"))
    (drift,) = measure(space, registry, "flip_lr").drift
    assert list(drift.lost) == sorted(drift.lost)
    assert drift.lost[-1] > 3
    assert drift.back == "flip_lr"


def test_words_that_do_nothing_are_vacuous(space: ModuleSpace, catalog: Catalog) -> None:
    registry = GridRegistry.of(space, catalog)
    word = catalog.word("brightness(0.0001)")
    registry.add(registry.entry_for(GridMap(), word, "nothing"))
    report = measure(space, registry, "brightness(0.0001)")
    (score,) = report.scores
    assert score.verdict == "vacuous"
    assert report.failing(0.9) == "no word counts"
    assert report.counted == "of 1 element 1 vacuous"


def test_rolls_tell_inside_and_border_apart(space: ModuleSpace, catalog: Catalog) -> None:
    registry = GridRegistry.of(space, catalog)
    word = catalog.word("roll(8, 0)")
    registry.add(registry.entry_for(GridMap(GridMove.of(catalog, word, STRIDE)), word, "plain"))
    (score,) = measure(space, registry, "roll(8, 0)").scores
    assert set(score.parts) == {"inside", "border"}
    # squares are encoded one by one, so that the plain move is exact everywhere, and there is no way to make
    assert score.verdict == "holds"
    assert score.share is None
    assert score.parts["inside"]["operator"] == pytest.approx(score.parts["inside"]["floor"], abs=1e-3)
    inside = tell_parts(catalog, word, (64, 64), 4)["inside"]
    assert not inside[:4].any() or not inside[:, :4].any()
    assert tell_parts(catalog, catalog.word("flip_lr"), (64, 64), 4) == {}
    assert tell_parts(catalog, catalog.word("invert"), (64, 64), 4) == {}


def test_crops_of_several_sizes_are_refused(space: ModuleSpace, registry: GridRegistry) -> None:
    catalog = registry.catalog
    words = [catalog.word("flip_lr")]
    with pytest.raises(ImageError, match="one size"):
        measure_grid(space, registry, catalog, [*pictures(1, 64), *pictures(1, 32)], words)
    with pytest.raises(ImageError, match="no crops"):
        measure_grid(space, registry, catalog, [], words)


def test_decibels_of_noise_are_those_of_its_variance(space: ModuleSpace, catalog: Catalog) -> None:
    registry = GridRegistry.of(space, catalog)
    word = catalog.word("invert")
    registry.add(registry.entry_for(GridMap(), word, "nothing"))
    (score,) = measure(space, registry, "invert").scores
    true = torch.stack(pictures(3)).float() / 255
    with torch.no_grad():
        drawn = space.decode(space.encode(true))
    errors = (drawn - (1 - true)).square().flatten(1).mean(1)
    assert score.psnr == pytest.approx(float((-10 * errors.log10()).mean()), abs=1e-4)
    assert score.verdict == "fails"
    assert "plain" not in score.ways
    assert math.isclose(score.psnr, psnr(score)["identity"])
