"""The composition table as data and as text."""

import math

import pytest

from augalgebra.consistency.information import Information
from augalgebra.consistency.report import CompositionReport, NoInverse, WordScore
from augalgebra.reports.composition_table import Row, as_markdown, composition_rows


@pytest.fixture
def report() -> CompositionReport:
    def scored(kind, word, view="id", ratio=1.0):
        losses = {"bce": 40 + 30 * ratio, "floor": 70.0, "identity_bce": 210.0, "entropy": 40.0}
        return WordScore(word, view, kind, word, view, 0.1, kind == "reconstruction", **losses)

    return CompositionReport(
        floor={"id": 70.0},
        entropy={"id": 40.0},
        words=(
            scored("reconstruction", "id"),
            scored("augmentation", "flip_lr", ratio=1.25),
            scored("route", "flip_lr", "canny"),
            scored("inverse", "id", "flip_lr", 1.5),
        ),
        no_inverse=(
            NoInverse("canny", 1, ("id", "flip_lr"), "canny has no inverse"),
            NoInverse("flip_lr * canny", 2, ("id",), "canny has no inverse"),
            NoInverse("canny * flip_lr", 2, ("flip_lr",), "canny has no inverse"),
        ),
        relations=(),
        orders=(),
        images=10,
        head="main",
        information=Information(0.4, 0.3),
    )


def test_rows_say_what_was_measured_and_what_cannot_be(report):
    rows = composition_rows(report)

    assert [(row.what, row.word, row.start) for row in rows] == [
        ("reconstruction", "id", "id"),
        ("augmentation", "flip_lr", "id"),
        ("inverse", "id", "flip_lr"),
        ("inverse", "id", "canny"),
        ("inverse of the composition", "id", "flip_lr * canny"),
    ]
    assert (rows[1].entropy, rows[1].floor, rows[1].loss, rows[1].excess) == (40, 70, 77.5, 37.5)
    assert (rows[1].gap_ratio, rows[1].identity_ratio, rows[1].verdict) == (1.25, pytest.approx(170 / 30), "violated")
    assert rows[3].gap_ratio is None
    assert rows[3].reason == "canny has no inverse"


def test_markdown_is_aligned(report):
    lines = as_markdown(composition_rows(report)).splitlines()

    assert len({len(line) for line in lines}) == 1
    assert [line.count("|") for line in lines] == [10] * len(lines)
    assert lines[1].startswith("| ---")
    numbers = [cell.strip() for cell in lines[3].split("|")[4:10]]
    assert numbers == ["40.00", "70.00", "77.50", "37.50", "1.250", "5.67"]
    assert lines[2].endswith("5.67 trivial |")
    assert "no inverse" in lines[-1]


def test_rows_become_json_without_infinities():
    row = Row("augmentation", "flip_lr", "id", 0.0, 0.0, 1.0, 1.0, math.inf, math.nan)

    assert row.to_dict()["gap_ratio"] is None
    assert row.to_dict()["identity_ratio"] is None
    assert row.to_dict()["loss"] == 1.0
