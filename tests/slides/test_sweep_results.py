"""What is made of the cells of a sweep: claims judged seed by seed, tables, and cells that come back as they were."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from augalg_slides.evidence.claims import Claim
from augalg_slides.sweeps.pairs import FLIPS, MINI_EDGE, PUBLISHED_TOTALS, ROLES, SHEAR_CANNY, SLIDES, Pair
from augalg_slides.sweeps.results import SweepResult
from augalg_slides.sweeps.settings import MODES, NATIVE, CellKey, CellMode, SweepSettings
from augalg_slides.sweeps.store import Cell, SweepStore, Term
from augalg_slides.sweeps.tables import to_markdown, write_result
from scipy.stats import ttest_rel


def planted(totals: Mapping[tuple[Pair, Pair, CellMode], Sequence[float]], **settings: Any) -> SweepResult:
    """A sweep with these totals, one for each seed."""
    found = tuple(
        Cell(
            CellKey(train, target, mode, seed, {}),
            dict.fromkeys(ROLES, Term(total / 4, total / 5, total, total / 8)),
            10,
            (1,),
        )
        for (train, target, mode), values in totals.items()
        for seed, total in enumerate(values)
    )
    return SweepResult(SweepSettings(pairs=SLIDES, modes=("relabel",), **settings), found)


@pytest.mark.parametrize(
    ("transferred", "native", "holds"),
    [
        ((300, 310, 305), (330, 341, 334), True),
        ((330, 341, 334), (300, 310, 305), False),
        ((300, 400, 350), (310, 360, 370), None),
        ((300,), (400,), None),
        # no seed is below every other, yet each is below its own native one by as much
        ((300, 400, 500), (310, 411, 509), True),
    ],
)
def test_the_headline_is_judged_by_the_interval_of_the_differences(
    transferred: Sequence[float], native: Sequence[float], holds: bool | None
) -> None:
    result = planted({(MINI_EDGE, SHEAR_CANNY, "relabel"): transferred, (SHEAR_CANNY, SHEAR_CANNY, NATIVE): native})
    claim = next(claim for claim in result.claims if "beats native" in claim.text)
    assert holds is claim.holds
    assert claim.values["native"] == pytest.approx(sum(native) / len(native))
    assert str(len(native)) in claim.measured or "single seed" in claim.measured
    if len(native) == 3 and native[0] == 330:
        # differences 30, 31, 29: mean 30, deviation 1, Student's t for two degrees of freedom 4.303
        assert (claim.values["low"], claim.values["high"]) == pytest.approx((-30 - 2.484, -30 + 2.484), abs=1e-3)


def choice(rows: Sequence[Sequence[float]]) -> Claim:
    """What is claimed of starts whose totals for one target these are, seed by seed."""
    others = (FLIPS, MINI_EDGE, ("rotate_cw", "flip_lr"))
    found = {(train, SHEAR_CANNY, "relabel"): row for train, row in zip(others, rows, strict=False)}
    result = planted(found, targets=(SHEAR_CANNY,))  # type: ignore[arg-type]
    return next(claim for claim in result.claims if "choice" in claim.text)


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        (((296, 300, 304), (401, 397, 402), (500, 503, 497)), True),
        (((250, 300, 350), (353, 299, 251), (300, 352, 254)), False),
        # seeds differ by more than starts do, yet in all starts alike
        (((200, 300, 400), (211, 310, 409), (220, 321, 420)), True),
        (((200, 300, 400), (200, 300, 400), (200, 300, 400)), False),
        (((300,), (400,), (500,)), None),
        (((300, 301, 299), (400, 401, 398), (500,)), None),  # one seed is shared
    ],
)
def test_whether_the_choice_matters_is_judged_seed_by_seed(rows: Sequence[Sequence[float]], holds: bool | None) -> None:
    assert choice(rows).holds is holds


def test_of_two_starts_it_is_the_paired_t_test() -> None:
    first, second = (310.0, 342.0, 299.0), (318.0, 345.0, 309.0)
    (p,) = (value for name, value in choice((first, second)).values.items() if name.startswith("p for"))
    assert p == pytest.approx(float(ttest_rel(first, second).pvalue), rel=1e-9)


def test_the_slides_figures_stand_in_their_places_in_the_tables(tmp_path: Path) -> None:
    assert 16 == len(PUBLISHED_TOTALS)
    assert 336.6536 == PUBLISHED_TOTALS[MINI_EDGE, SHEAR_CANNY]
    assert 304.0390 == PUBLISHED_TOTALS[SHEAR_CANNY, FLIPS]
    result = planted(
        {
            (train, target, NATIVE if train == target else "relabel"): [100.0, 104.0]
            for train in SLIDES
            for target in SLIDES
        },
        seeds=(0, 1),
    )
    text = to_markdown(result)
    row = next(line for line in text.splitlines() if line.startswith("| mini_image, edge_detect "))
    assert "102.0 ± 2.8 (336.7)" == row.split("|")[5].strip()
    files = write_result(result, tmp_path)
    assert {"result.json", "table.md", "totals-relabel.png", "terms-relabel.png"} == set(files)
    assert all(path.stat().st_size for path in files.values())
    stored = json.loads(files["result.json"].read_text())
    assert stored["complete"] is True
    assert [16.0] == [claim["values"]["below"] for claim in stored["claims"] if "below" in claim["values"]]
    entry = next(item for item in stored["entries"] if item["train"] == list(MINI_EDGE) == item["target"])
    assert {"loss", "floor", "unmoved", "entropy"} == set(entry["terms"]["composition"])


def test_pictures_of_modes_that_are_not_in_the_tables_are_removed(tmp_path: Path) -> None:
    (tmp_path / "totals-mine.png").touch()
    both = planted({(FLIPS, MINI_EDGE, mode): [7.0] for mode in MODES})
    write_result(replace(both, settings=replace(both.settings, modes=MODES)), tmp_path)
    assert 5 == len(list(tmp_path.glob("*.png")))
    write_result(planted({(FLIPS, MINI_EDGE, "extend"): [7.0], (FLIPS, MINI_EDGE, "relabel"): [7.0]}), tmp_path)
    assert {"totals-relabel.png", "terms-relabel.png", "totals-mine.png"} == {p.name for p in tmp_path.glob("*.png")}


def test_squared_errors_stand_beside_no_nats_and_keep_their_digits(tmp_path: Path) -> None:
    result = planted(
        {(MINI_EDGE, SHEAR_CANNY, "relabel"): [0.0612, 0.0634], (SHEAR_CANNY, SHEAR_CANNY, NATIVE): [0.0812, 0.0874]},
        seeds=(0, 1),
        likelihood="gaussian",
    )
    assert [entry.published for entry in result.entries] == [None, None]
    assert not [claim for claim in result.claims if "below" in claim.values]
    (headline,) = (claim for claim in result.claims if "beats native" in claim.text)
    assert "0.0623 ± 0.0016 mean squared error against" in headline.measured
    assert "difference -0.0220, 95 % interval -0.0474 to +0.0034" in headline.measured
    text = write_result(result, tmp_path)["table.md"].read_text()
    assert "| 0.0623 ± 0.0016 |" in text
    assert "nats, which mean squared error cannot be compared with" in text
    assert "(336.7)" not in text


def test_a_store_gives_back_what_it_was_given(tmp_path: Path) -> None:
    (cell,) = planted({(FLIPS, MINI_EDGE, "relabel"): [7.0]}).cells
    store = SweepStore(tmp_path)
    assert store.get(cell.key) is None
    store.put(cell)
    assert cell == store.get(cell.key)
    assert 1 == store.count([cell.key, replace(cell.key, seed=5)])
