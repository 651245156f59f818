"""Which augmentations are invertible and which commute: planted faults, and what images can and cannot tell."""

import csv
import io
import json
import threading
import types
from typing import Any

import pytest
import torch

import augalgebra as aa
from augalgebra.checks.inversion.matrix import measure_matrix
from augalgebra.checks.inversion.matrix_report import Finding, Matrix, as_csv, as_markdown, grid
from augalgebra.checks.probes import Probe


def catalog_of(*registered: tuple[str, Any, dict[str, Any]]) -> aa.Catalog:
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        for name, function, keywords in registered:
            register(name, **keywords)(function)

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    return aa.load_catalog(aa.Settings(), modules=[module], installed=False)


def only_in_colour(x: Any) -> Any:
    if x.shape[1] != 3:
        raise ValueError("three channels, please")
    return x.roll(1, 1)


def random_one(x: Any) -> Any:
    return (x + torch.rand(x.shape)).clamp(0, 1)


CATALOG = catalog_of(
    ("flip", lambda x: x.flip(-1), {"inverse": "self", "commutes_with": ["negate", "shift", "lift"]}),
    ("negate", lambda x: 1 - x, {}),
    ("turn", lambda x: x.rot90(1, (-2, -1)), {"inverse": "self"}),  # not true: it has period 4
    ("shift", lambda x: x.roll(1, -1), {}),  # does not commute with flip
    ("lift", lambda x: (x + 0.4).clamp(0, 1), {"inverse": "drop"}),  # not true: white is lost
    ("drop", lambda x: (x - 0.4).clamp(0, 1), {}),
    ("black", lambda x: x * 0, {"inverse": "none", "idempotent": True}),
    ("still", lambda x: x.clone(), {}),
    ("hue", only_in_colour, {}),
    ("broken", lambda x: 1 / 0, {}),
    ("noisy", random_one, {}),
)


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return measure_matrix(CATALOG, size=12)


def row(matrix: Matrix, name: str) -> Any:
    return next(item for item in matrix.rows if item.name == name)


def pair(matrix: Matrix, first: str, second: str) -> Finding:
    names = [item.name for item in matrix.rows]
    return matrix.commute(names.index(first), names.index(second))


@pytest.mark.parametrize(
    ("name", "invertible", "involutory", "idempotent", "inverse"),
    [
        ("flip", "yes", "yes", "no", "flip"),
        ("negate", "yes", "yes", "no", "negate"),
        ("turn", "no", "no", "no", "turn^3"),
        ("shift", "unknown", "no", "no", ""),  # at each width another power undoes it
        ("black", "no", "no", "yes", ""),
        ("still", "vacuous", "vacuous", "vacuous", ""),
        ("hue", "yes", "no", "no", "hue^2"),
    ],
)
def test_single_augmentations(
    matrix: Matrix, name: str, invertible: str, involutory: str, idempotent: str, inverse: str
) -> None:
    found = row(matrix, name)
    assert [item.measured for item in found.findings.values()] == [invertible, involutory, idempotent]
    assert found.inverse == inverse


def test_planted_faults_are_mismatches(matrix: Matrix) -> None:
    turn = row(matrix, "turn")
    assert turn.involutory.mismatch
    assert turn.invertible.mismatch
    assert row(matrix, "lift").invertible.mismatch
    assert row(matrix, "lift").invertible.measured == "no"
    assert pair(matrix, "flip", "shift").mismatch
    assert not pair(matrix, "flip", "negate").mismatch
    assert not row(matrix, "flip").involutory.mismatch
    told = "\n".join(matrix.mismatches)
    for claim in (
        "turn is declared involutory",
        "lift is declared invertible",
        "flip and shift are declared to commute",
    ):
        assert claim in told
    # beside those, drop is declared to be undone by lift, and so to commute with it
    assert len(matrix.mismatches) == 6


@pytest.mark.parametrize(
    ("first", "second", "declared", "measured", "symbol"),
    [
        ("flip", "negate", "exact", "yes", "="),
        ("flip", "shift", "exact", "no", "!"),
        ("negate", "shift", None, "yes", "+"),
        ("flip", "turn", None, "no", "."),
        ("flip", "still", None, "vacuous", "0"),
        ("flip", "hue", None, "yes", "+"),
        ("flip", "lift", "exact", "yes", "="),
    ],
)
def test_pairs(matrix: Matrix, first: str, second: str, declared: str, measured: str, symbol: str) -> None:
    for found in (pair(matrix, first, second), pair(matrix, second, first)):
        assert (found.declared, found.measured, found.symbol) == (declared, measured, symbol)


def test_what_cannot_be_measured_is_listed_with_its_reason(matrix: Matrix) -> None:
    reasons = dict(matrix.left_out)
    assert "division by zero" in reasons["broken"]
    # what threads share is not watched where others run, as in some test runners; then its results tell
    alone, beside = "it changed the global random state of torch", "it gives different results for equal images"
    assert (alone if threading.active_count() == 1 else beside) in reasons["noisy"]
    assert {"broken", "noisy"}.isdisjoint(item.name for item in matrix.rows)


def test_every_product_is_made_once() -> None:
    calls: list[int] = []

    def counted(x: Any) -> Any:
        calls.append(len(x))
        return x.flip(-1)

    others = [(f"shift{by}", lambda x, by=by: x.roll(by, -2), {}) for by in (1, 2, 3)]
    catalog = catalog_of(("counted", counted, {"inverse": "self"}), *others)
    progress: list[tuple[int, int]] = []
    measure_matrix(catalog, size=12, on_progress=lambda done, total: progress.append((done, total)))
    # twice alone, and after all four at once, in grey and in colour, on three sizes; what undoes it is tried on top
    alone = 4
    assert calls[:18] == [alone] * 12 + [4 * alone] * 6
    assert progress[-1][0] == progress[-1][1]


def test_laws_decide_what_is_declared_beyond_single_laws() -> None:
    installed = aa.load_catalog(aa.Settings())
    found = measure_matrix(installed, ["rotate_180", "invert", "rotate(20)", "rotate(25)", "shear_x"], size=16)
    assert found.commute(0, 1).symbol == "="
    assert found.commute(2, 3).declared == "approximate"
    assert found.commute(2, 3).symbol == "≈"
    assert found.rows[2].invertible.declared == "approximate"
    assert found.mismatches == ()
    assert found.rows[4].word.startswith("shear_x(")


def test_what_is_true_of_some_pictures_only_says_of_which() -> None:
    def turn(x: Any) -> Any:  # keeps the shape, as a rotation by 90° does
        square = min(x.shape[2:])
        result = torch.zeros_like(x)
        result[..., :square, :square] = x[..., :square, :square].rot90(1, (-2, -1))
        return result

    catalog = catalog_of(
        ("turn", turn, {"period": 4}),
        ("fair", turn, {"period": 4, "only_for": "square pictures"}),
        ("flip", lambda x: x.rot90(2, (-2, -1)), {"commutes_with": ["turn"]}),
    )
    found = measure_matrix(catalog, size=12)
    rows = {item.name: item for item in found.rows}
    assert rows["turn"].invertible.conditions == rows["fair"].invertible.conditions == {"square"}
    assert rows["turn"].invertible.text == "yes for square pictures, but declared"
    assert rows["fair"].invertible.text == "yes for square pictures, declared"
    assert not any(line.startswith("fair") for line in found.mismatches)
    pairs = [found.commute(0, 2), found.commute(1, 2)]
    crop = measure_matrix(aa.load_catalog(aa.Settings()), ["albumentations.CenterCrop(16, 16)"], size=16).rows[0]
    assert crop.invertible.measured == "no"  # though it leaves the square probes as they are
    assert [(pair.declared, pair.measured, pair.symbol) for pair in pairs] == [
        ("exact", "yes", "!"),
        (None, "yes", "s"),
    ]
    dark = measure_matrix(
        aa.load_catalog(aa.Settings()), ["rotate(20)", "albumentations.Affine(scale=(0.7, 0.7), seed=0)"], size=16
    )
    assert dark.commute(0, 1).conditions == {"dark border"}
    assert dark.commute(0, 1).symbol == "s"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(aa.AugalgebraError, match="unknown augmentation 'flop'"):
        measure_matrix(CATALOG, ["flop"], size=12)


def test_the_same_can_be_read_in_every_form(matrix: Matrix) -> None:
    data = json.loads(json.dumps(matrix.to_dict(), allow_nan=False))
    lines = list(csv.DictReader(io.StringIO(as_csv(matrix))))
    count = len(matrix.rows)
    assert len(data["pairs"]) == count * (count - 1) // 2
    assert len(lines) == 3 * count + len(data["pairs"])
    assert {line["mismatch"] for line in lines} == {"True", "False"}
    page = as_markdown(matrix, "A title", "augalg matrix")
    assert page.startswith("# A title\n")
    assert all(line in page for line in grid(matrix))
    assert "**! no, but declared**" in page
    assert "- `broken`: " in page


def test_interventions_are_compared_on_pictures_that_they_are_made_for() -> None:
    names = ["do_light(30)", "do_angle(10)", "do_shadow_length(4)"]
    found = measure_matrix(aa.load_catalog(aa.Settings()), names)
    assert found.symbols() == [["\\", "=", "."], ["=", "\\", "."], [".", ".", "\\"]]
    assert [(item.first, item.second, item.declared) for item in found.overwritten] == [
        (2, 0, "exact"),
        (2, 1, "exact"),
    ]
    assert found.overwritings()[0] == "do_shadow_length(4) * do_light(30) = do_light(30), as the laws say"
    assert found.mismatches == ()
    assert found.pictures == "4 pictures of interventions.pendulum of 64×64 pixels"
    assert "## What is overwritten" in as_markdown(found, "title", "command")
    assert found.to_dict()["overwritten"][0]["first"] == "do_shadow_length(4)"


def test_pictures_can_be_given_of_several_sizes() -> None:
    catalog = catalog_of(
        ("flip", lambda x: x.flip(-1), {"commutes_with": ["paint"]}),
        ("paint", lambda x: x * 0 + 0.3, {}),
        ("top", lambda x: torch.cat([x[..., :1, :] * 0, x[..., 1:, :]], -2), {}),
    )
    probes = [Probe("pictures", torch.rand(2, 1, *size, generator=torch.manual_seed(0))) for size in ((9, 9), (8, 12))]
    found = measure_matrix(catalog, probes=probes)
    assert found.overwritings() == ["flip * paint = paint; no law says so", "top * paint = paint; no law says so"]
    assert found.commute(0, 1).symbol == "="
    assert found.pictures == "2 pictures of pictures of 9×9 pixels; 2 pictures of pictures of 8×12 pixels"


def test_what_the_laws_call_unequal_is_not_taken_for_equal() -> None:
    catalog = catalog_of(
        ("flip", lambda x: x.flip(-1), {"laws": ["flip * shift ≠ shift * flip"]}),
        ("shift", lambda x: x.roll(1, -1), {}),
    )
    assert measure_matrix(catalog, size=12).commute(0, 1).declared is None
