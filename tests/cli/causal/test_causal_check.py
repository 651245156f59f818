"""`augalg causal check`: bars, what could not be measured or read, and what is kept of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Done
from torch import Tensor

from augalgebra.causal import CausalReport, CounterfactualScore
from augalgebra.causal.truth import PendulumTruth
from augalgebra.runs import CausalRun

Program = Callable[..., Done]


def test_a_check_says_no_where_a_bar_is_missed_and_is_kept(program: Program, run: Path) -> None:
    program("causal", "edit", str(run), "cut", "--cut", "light>shadow_length")
    done = program("causal", "check", str(run), "--images", "8")
    assert done.code == 1  # hardly trained, it draws the same whatever is asked for
    assert "missed by do(light)" in done.out
    kept = program("causal", "show", str(run), "--json").data["check"]
    assert {score["name"] for score in kept["edits"]} >= {"cut", "cut light>shadow_length"}
    shown = program("causal", "show", str(run)).out
    assert "Measured when last checked, on 8 test images" in shown
    score = kept["counterfactuals"][0]
    row = next(line.split() for line in shown.splitlines() if line.startswith("do(light) "))
    assert row[1:] == [f"{score['error']:.5f}", f"{score['floor']:.5f}", f"{score['ratio']:.3f}"]
    answer = json.loads(program("causal", "check", str(run), "--images", "8", "--bar", "0", "--json").out)
    assert answer["passed"] is False
    assert len(answer["missed"]) == len(answer["counterfactuals"]) == 10


def test_what_could_not_be_read_off_drawings_is_told(
    program: Program, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: PendulumTruth, images: Tensor) -> dict[str, Tensor]:
        columns = dict.fromkeys(self.graph.concepts, torch.arange(len(images), dtype=torch.float64))
        drawn = float(images.double().std()) < 0.1  # hardly trained, it draws grey
        hidden = torch.where(torch.arange(len(images)) < (6 if len(images) == 8 else 1), torch.nan, 1.0)
        return columns | ({"light": columns["light"] * torch.nan, "angle": hidden} if drawn else {})

    monkeypatch.setattr(PendulumTruth, "read", read)
    shown = program("causal", "check", str(run), "--images", "8").out
    row = next(line for line in shown.splitlines() if line.split()[:1] == ["do(angle)"] and "%" in line)
    assert row.split()[1:3] == ["-", "5.5"]  # of the two that are left
    assert row.split()[-1] == "100.0%"
    assert "nan" not in shown
    assert "unread: share of drawings off which a concept could not be read" in shown
    program("report", str(run), "--images", "8")
    assert ">unread<" in (run / "report.html").read_text(encoding="utf-8")
    asked = ("--index", "1", "--index", "2", "--do", "shadow_length=5", "--out", "s.png")
    done = program("causal", "counterfactual", str(run), *asked)
    assert done.err.splitlines() == ["not read off what was drawn: light off 2 of 2, angle off 1 of 2"]
    assert "nan" not in done.out
    assert next(line for line in done.out.splitlines() if line.startswith("light")).split()[-1] == "-"


def test_a_check_leaves_out_an_edit_without_true_pictures_and_says_why(program: Program, run: Path) -> None:
    program("causal", "edit", str(run), "odd", "--set", "shadow_length=0.5", "--freeze", "shadow_position")
    done = program("causal", "check", str(run), "--images", "8")
    assert done.code == 1
    assert done.err.splitlines() == ["odd is left out: shadow_length must lie in [1, 20], not 0.5"]
    assert "cut light>shadow_length" in done.out
    answer = json.loads(program("causal", "check", str(run), "--images", "8", "--json").out)
    assert answer["left_out"] == {"odd": "shadow_length must lie in [1, 20], not 0.5"}
    program("report", str(run), "--images", "8")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "is left out: shadow_length must lie in" in page


def test_what_was_measured_of_an_edit_goes_when_another_takes_its_name(program: Program, run: Path) -> None:
    def kept() -> tuple[set[str], set[str]]:
        found = program("causal", "show", str(run), "--json").data["check"]
        return {score["name"] for score in found["edits"]} & {"a", "b"}, set(found["left_out"])

    for name, change in (("a", "--cut=light>shadow_length"), ("b", "--do=light=1"), ("odd", "--do=shadow_length=0.5")):
        program("causal", "edit", str(run), name, change)
    program("causal", "check", str(run), "--images", "4")
    assert kept() == ({"a", "b"}, {"odd"})
    program("causal", "edit", str(run), "a", "--cut", "light>shadow_length", "--overwrite")  # the same
    assert kept() == ({"a", "b"}, {"odd"})
    program("causal", "edit", str(run), "a", "--cut", "light>shadow_position", "--overwrite")
    program("causal", "edit", str(run), "odd", "--do", "shadow_length=5", "--overwrite")
    (run / "edits" / "b.toml").unlink()
    assert kept() == (set(), set())
    (run / "check.json").write_text("{}")
    assert "check.json is damaged" in program("causal", "show", str(run)).err


def test_the_bar_is_for_interventions_and_that_is_said(
    program: Program, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(name: str, error: float, identity: float) -> CounterfactualScore:
        return CounterfactualScore(name, error, 1.0, 1.0, identity, dict.fromkeys(concepts, 0.0), {}, {})

    concepts = CausalRun.load(run).model.concepts
    report = CausalReport(
        8,
        {},
        {},
        (score("do(light)", 1.0, 9.0), score("do(angle)", 1.0, 1e-7)),
        (score("cut", 5.0, 9.0),),
        (),
        (),
        None,
    )
    monkeypatch.setattr(CausalRun, "check", lambda *_, **__: report)
    done = program("causal", "check", str(run))
    assert (done.code, done.out.splitlines()[-1]) == (0, "bar 1.1 of the floor: met by every do(...)")


@pytest.mark.parametrize("bar", [(), ("--bar", "1.5")])
def test_a_bar_that_was_not_tried_is_not_met(
    program: Program, run: Path, monkeypatch: pytest.MonkeyPatch, bar: tuple[str, ...]
) -> None:
    monkeypatch.setattr(CausalRun, "check", lambda *_, **__: CausalReport(8, {}, {}, (), (), (), (), None))
    done = program("causal", "check", str(run), *bar)
    reason = "what is true of these images after an intervention is not known"
    assert (done.code, done.err) == (len(bar) and 1, f"{reason}, so that no bar is tried\n")
    told = program("causal", "check", str(run), *bar, "--json")
    assert (told.code, told.data["passed"], told.data["untried"]) == (len(bar) and 1, None, reason)


def test_a_check_says_how_much_the_encoder_tells_of_each_label(program: Program, run: Path) -> None:
    found = json.loads(program("causal", "check", str(run), "--images", "20", "--json").out)["information"]
    shown = program("causal", "check", str(run), "--images", "20").out
    for concept, numbers in found.items():
        assert 0 < numbers["tic"] <= numbers["mic"] <= 1
        row = next(line for line in shown.splitlines() if line.split()[:1] == [concept] and len(line.split()) == 4)
        assert row.split()[2:] == [f"{numbers['mic']:.4f}", f"{numbers['tic']:.4f}"]
    few = program("causal", "check", str(run), "--images", "8").out  # too few to tell
    assert next(line for line in few.splitlines() if line.split()[:1] == ["light"] and line.split()[2:] == ["-", "-"])
