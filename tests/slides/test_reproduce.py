"""All experiments of the slides: each leaves claims and figures, none is made twice, one that fails harms no other."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from augalg_slides.baselines.trained_networks import BaselineConfig
from augalg_slides.evidence.claims import Claim
from augalg_slides.pages.composition import composition_claims
from augalg_slides.reproduction.context import ExperimentContext, Outcome, TrainedClaim
from augalg_slides.reproduction.plan import Plan
from augalg_slides.reproduction.registry import EXPERIMENTS, Experiment, choose_experiments
from augalg_slides.reproduction.report import Origin, rows_of, write_report
from augalg_slides.reproduction.reproduce import ItemResult, kept_results, reproduce
from augalg_slides.sweeps.pairs import FLIPS, SHEAR_CANNY
from augalg_slides.sweeps.sweep import Standing
from causal_runs import few_pendulums

import augalgebra as aa
from augalgebra.algebra.rewriting.cayley_tables import cayley_table
from augalgebra.consistency.information import Information
from augalgebra.consistency.report import CompositionReport, NoInverse, WordScore
from augalgebra.data.loading import load_data
from augalgebra.documents import Cayley, HeatMap, Picture, Table, Text, block_from_dict, to_markdown
from augalgebra.errors import AugalgebraError, RunError, UnknownNameError
from augalgebra.reports.cayley import cayley_of
from augalgebra.tasks import Workers

CATALOG = aa.load_catalog()
DATA = load_data().part(60)
TINY = Plan(
    "tiny",
    dim=3,
    width=2,
    epochs={"equivariant": 1, "faithful": 1},
    images=60,
    repeats=3,
    repeated=12,
    fitted=(30, 60),
    unseen=(45,),
    pairs=(FLIPS, SHEAR_CANNY),
    modes={"equivariant": ("relabel",)},
    sweep_epochs={"equivariant": 1},
    transfer_epochs={"equivariant": 1},
    sweep_width=2,
    short_epochs=1,
    short_images=24,
    bench_epochs=1,
    networks=BaselineConfig(dim=3, width=2, images=24, judging=3, fitting=3),
    glyphs=60,
    glyph_samples=60,
    glyph_width=2,
    seeds=(0,),
)
ALONE = Workers(threads=1)
ORIGIN = Origin("augalg slides reproduce", "digits", (60, 60), "tiny", "cpu")
PNG = b"\x89PNG"


@pytest.fixture(autouse=True, scope="module")
def few_pendulums_and_short_searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))  # to which digits are drawn
        patch.setattr("augalg_slides.reproduction.items_causal.pendulum_data", few_pendulums)
        patch.setattr("augalgebra.causal.training.SEARCH_STEPS", 5)
        yield


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(folder: Path, **more: Any) -> list[ItemResult]:
    return list(reproduce(folder, DATA, CATALOG, **({"plan": TINY, "device": "cpu", "workers": ALONE} | more)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ItemResult], list[tuple[Standing, str]]]:
    folder = tmp_path_factory.mktemp("reproduce") / "whole"
    told: list[tuple[Standing, str]] = []
    results = made(folder, watch=lambda standing, doing: told.append((standing, doing)))
    return folder, results, told


def test_every_experiment_leaves_claims_and_figures(
    whole: tuple[Path, list[ItemResult], list[tuple[Standing, str]]],
) -> None:
    folder, results, _ = whole
    assert set(EXPERIMENTS) == {result.item.name for result in results}
    for result in results:
        assert not result.failure, (result.item.name, result.failure)
        assert result.found is not None
        assert result.found.claims, result.item.name
        pictures = [block for block in result.found.blocks if isinstance(block, Picture)]
        assert pictures, result.item.name
        assert all(block.path.parent == folder and block.path.read_bytes().startswith(PNG) for block in pictures)
        assert any(isinstance(block, Table) for block in result.found.blocks)
        content = json.loads((folder / f"{result.item.name}-{'all' if result.item.once else 0}.json").read_text())
        assert [block.path.name for block in pictures] == content["pictures"]
    found = {result.item.name: result.found for result in results}
    composition, transfer = found["composition"], found["transfer"]
    assert composition is not None
    assert transfer is not None
    (group,) = [block for block in composition.blocks if isinstance(block, Cayley)]
    assert (len(group.elements), group.table[3][3], len(group.generators)) == (4, 0, 2)
    (heat,) = [block for block in transfer.blocks if isinstance(block, HeatMap)]
    assert "slides 297.1" in heat.notes[0][0]


def test_both_trainings_stand_beside_each_other(
    whole: tuple[Path, list[ItemResult], list[tuple[Standing, str]]],
) -> None:
    rows = rows_of(whole[1])
    for name in ("recursion", "sampling", "fractions", "geometry", "composition"):
        trainings = {row.training for row in rows if row.item.name == name}
        assert {"published recipe", "equivariant"} <= trainings, name
    texts = [row.claim.text for row in rows if row.item.name == "geometry"]
    assert [texts[0]] * 3 + [texts[3]] * 3 == texts
    assert {"published recipe, 2 dimensions"} < {row.training for row in rows if row.item.name == "geometry"}


def test_shared_runs_are_trained_once_and_are_ordinary_ones(
    whole: tuple[Path, list[ItemResult], list[tuple[Standing, str]]],
) -> None:
    from augalgebra.runs import Run, is_causal_run

    runs = sorted((whole[0] / "runs").iterdir())
    names = ["equivariant", "faithful", "flat", "glyphs", "pendulum", "pendulum", "strokes"]
    assert [path.name.split("-")[0] for path in runs] == names
    assert all(is_causal_run(path) for path in runs[4:])
    dims = {path.name.split("-")[0]: Run.load(path, CATALOG).space.dim for path in runs[:4]}
    assert dims.items() >= {"equivariant": 3, "faithful": 3, "flat": 2}.items()


def test_progress_names_the_experiment_and_the_time_left(
    whole: tuple[Path, list[ItemResult], list[tuple[Standing, str]]],
) -> None:
    told = whole[2]
    assert [told[0][0].done, told[-1][0].done, told[-1][0].total] == [0, len(EXPERIMENTS), len(EXPERIMENTS)]
    assert told[0][1].startswith("composition, seed 0: ")
    assert told[0][0].seconds_left is None
    later = [standing.seconds_left for standing, _ in told if standing.done]
    assert all(left is not None and left >= 0 for left in later)


def test_the_report_has_a_row_for_every_claim_and_a_section_for_every_experiment(
    whole: tuple[Path, list[ItemResult], list[tuple[Standing, str]]],
) -> None:
    folder, results, _ = whole
    files = write_report(results, folder, ORIGIN)
    claims = files["claims.md"].read_text()
    rows = rows_of(results)
    assert claims.partition("**Seconds")[0].count("\n| ") == len(rows) + 2
    assert "undecided" in claims
    answer = json.loads(files["claims.json"].read_text())
    assert (len(answer["claims"]), answer["failed"]) == (len(rows), [])
    assert {"experiment", "training", "seeds", "verdicts", "slide", "measured", "holds"} <= answer["claims"][0].keys()
    page = files["report.html"].read_text()
    for item in EXPERIMENTS.values():
        assert f'id="{item.name}"' in page
        section = files[f"{item.name}.md"].read_text()
        assert section.startswith(f"# {item.title}\n")
        assert f"-{'all' if item.once else 0}.png)" in section
    assert "augalg slides reproduce" in answer["about"]


def test_only_what_is_missing_is_made_again(
    whole: tuple[Path, list[ItemResult], list[tuple[Standing, str]]],
) -> None:
    folder, results, _ = whole
    (folder / "geometry-0.json").unlink()
    (folder / "sampling-equivariant-0.png").unlink()
    (folder / "fractions-0.json").write_bytes(b"damaged")
    runs = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*")}
    again = made(folder)
    assert ["fractions", "geometry", "sampling"] == sorted(result.item.name for result in again if result.fresh)
    assert runs == {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*")}
    notes = {result.item.name: result.notes for result in again}
    assert "fractions-0.json is damaged" in notes["fractions"][0]
    assert "there is no picture sampling-equivariant-0.png" in notes["sampling"][0]
    assert [row.to_dict() for row in rows_of(results)] == [row.to_dict() for row in rows_of(again)]


def stub(name: str, make: Callable[[ExperimentContext], Outcome], **more: Any) -> Experiment:
    return Experiment(name, name.title(), "1", "About.", make, **more)


def seen(context: ExperimentContext) -> Outcome:
    holds = context.seed % 2 == 0
    return Outcome(
        (TrainedClaim(Claim("1", "It is so", "measured", holds, {"x": float(context.seed)})),), (Text("Text."),)
    )


def broken(_: ExperimentContext) -> Outcome:
    raise ZeroDivisionError("nothing to divide by")


def stopped(_: ExperimentContext) -> Outcome:
    raise KeyboardInterrupt


def test_one_that_fails_is_named_and_the_others_are_made(tmp_path: Path) -> None:
    items = {item.name: item for item in (stub("broken", broken), stub("fine", seen))}
    bad, good = made(tmp_path, items=items)
    assert (bad.failure, good.failure) == ("ZeroDivisionError: nothing to divide by", "")
    assert not (tmp_path / "broken-0.json").exists()
    files = write_report([bad, good], tmp_path, ORIGIN)
    assert "failed: ZeroDivisionError" in files["claims.md"].read_text()
    assert json.loads(files["claims.json"].read_text())["failed"] == ["broken"]
    assert "it failed: ZeroDivisionError" in files["broken.md"].read_text()


def test_what_is_done_stays_after_an_interrupt(tmp_path: Path) -> None:
    items = {item.name: item for item in (stub("fine", seen), stub("stopped", stopped))}
    results = reproduce(tmp_path, DATA, CATALOG, plan=TINY, items=items)
    assert next(results).fresh
    with pytest.raises(KeyboardInterrupt):
        next(results)
    first, second = made(tmp_path, items=items | {"stopped": stub("stopped", seen)})
    assert (first.fresh, second.fresh) == (False, True)


def test_rows_say_with_how_many_seeds_and_where_those_disagree(tmp_path: Path) -> None:
    items = {"one": stub("one", seen), "all": stub("all", seen, once=True)}
    results = made(tmp_path, items=items, seeds=(0, 1, 2))
    assert [(result.item.name, result.seeds) for result in results] == [
        ("one", (0,)),
        ("one", (1,)),
        ("one", (2,)),
        ("all", (0, 1, 2)),
    ]
    one, every = rows_of(results)
    assert (one.verdict, one.seeds) == ("undecided (holds with 2 of 3 seeds)", (0, 1, 2))
    assert one.claim.measured == "x: 1 ± 1 (3 seeds)"
    assert (every.verdict, every.seeds) == ("holds", (0, 1, 2))


def test_what_is_kept_beside_is_shown_too(tmp_path: Path) -> None:
    items = {name: stub(name, seen) for name in ("one", "two")}
    made(tmp_path, items=items)
    (again,) = made(tmp_path, items=items, only=["two"])
    beside = kept_results(tmp_path, DATA, CATALOG, plan=TINY, items=items)
    assert [(result.item.name, result.fresh) for result in (again, *beside)] == [
        ("two", False),
        ("one", False),
        ("two", False),
    ]
    relabelled = replace(DATA, train=replace(DATA.train, labels=DATA.train.labels.flip(0)))
    assert not kept_results(tmp_path, relabelled, CATALOG, plan=TINY, items=items)
    assert "were there already" in ORIGIN.sentence(beside)


def test_what_results_depend_on_makes_them_anew_and_where_they_are_made_does_not(tmp_path: Path) -> None:
    items = {"one": stub("one", seen), "all": stub("all", seen, once=True)}
    assert [result.fresh for result in made(tmp_path, items=items)] == [True, True]
    assert [result.fresh for result in made(tmp_path, items=items, device="auto", workers=Workers(2))] == [False] * 2
    # over other seeds, what is judged over all of them together is judged anew
    assert [result.fresh for result in made(tmp_path, items=items, seeds=(0, 1))] == [False, True, True]


def test_results_of_another_plan_or_of_other_images_are_not_replaced(tmp_path: Path) -> None:
    items = {"one": stub("one", seen)}
    made(tmp_path, items=items)
    before = (tmp_path / "one-0.json").read_bytes()
    for plan, data in ((TINY.with_epochs(2), DATA), (TINY, DATA.part(30))):
        with pytest.raises(RunError, match="holds results of the plan 'tiny' on digits"):
            list(reproduce(tmp_path, data, CATALOG, plan=plan, items=items))
    assert (tmp_path / "one-0.json").read_bytes() == before


def test_names_and_folders_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'geometri'; did you mean geometry"):
        choose_experiments(["geometri"])
    assert [item.name for item in choose_experiments(["mlp", "recursion"])] == ["recursion", "mlp"]
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(RunError, match="holds something else"):
        made(tmp_path)
    (tmp_path / "reproduce.json").write_text("[]")
    with pytest.raises(RunError, match="is no reproduction"):
        made(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_blocks_survive_being_kept(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    blocks = (
        Text("A `word`."),
        Table("T", ("name", "number"), (("a|b", 1.5), ("c", None)), 1),
        HeatMap("H", ("r",), ("c",), ((2.0,),), (("note",),), "nats"),
        Picture(tmp_path / "a.png", "Seen."),
        Cayley("Z2", ("id", "a"), ((0, 1), (1, 0)), (1,)),
    )
    kept = json.loads(json.dumps([block.to_dict() for block in blocks]))
    assert blocks == tuple(block_from_dict(data, tmp_path) for data in kept)
    text = "\n".join(map(to_markdown, blocks))
    for shown in ("| a\\|b |", "2.0 note", "![Seen.](a.png)", "| a              | a  | id |"):
        assert shown in text
    for path in ("../a.png", "/etc/passwd", "b.png"):
        with pytest.raises(ValueError, match=f"no picture {path}"):
            block_from_dict(kept[3] | {"path": path}, tmp_path)


def score(kind: Any, view: str, word: str, bce: float, identity: float) -> WordScore:
    trivial = word in (view, "a^2")
    losses = {"bce": 50 + bce, "floor": 51.0, "identity_bce": 50 + identity, "entropy": 50.0}
    return WordScore(word, view, kind, word, view, 0.0, trivial, **losses)


def report(reverse: float, back: float, *, lost: bool = False) -> CompositionReport:
    words = (
        score("composition", "id", "a^2", 5.0, 1.0),
        score("composition", "id", "a * b", 1.1, 2.0),
        score("reverse composition", "id", "b * a", reverse, 2.0),
        score("inverse", "a", "id", back, 2.0),
        score("route", "a", "a", 1.0, 1.0),
    )
    missing = (NoInverse("b", 1, ("id",), "cannot be undone"),) if lost else ()
    return CompositionReport({}, {}, words, missing, (), (), 1, "main", Information(0.4, 0.3))


def test_composition_is_judged_by_how_much_of_the_way_is_made() -> None:
    verdicts = [claim.holds for claim in composition_claims(report(1.3, 1.4))]
    assert verdicts == [True, True, True]
    verdicts = [claim.holds for claim in composition_claims(report(1.1, 1.6))]
    assert verdicts == [True, False, False]  # nothing is lost by the other order; inverses lead less than half the way
    assert [claim.holds for claim in composition_claims(report(1.8, 1.1, lost=True))] == [True, False, False]
    blurred = score("composition", "id", "a * b", 1.0, 1.09)
    blur = CompositionReport({}, {}, (blurred,), (), (), (), 1, "main", Information(0.4, 0.3))
    assert [claim.holds for claim in composition_claims(blur)] == [None]
    # whole losses would have made next to nothing of the same way: 51.8 of 51 where nothing moved costs 52
    assert [claim.holds for claim in composition_claims(report(1.8, 1.1))] == [True, False, True]


def test_an_error_of_the_library_is_told_in_its_own_words(tmp_path: Path) -> None:
    def refused(_: ExperimentContext) -> Outcome:
        raise AugalgebraError("this data set has no classes")

    (result,) = made(tmp_path, items={"one": stub("one", refused)})
    assert result.failure == "this data set has no classes"


def test_generators_that_are_one_element_are_drawn_once() -> None:
    words = [CATALOG.word(name) for name in ("rotate_cw", "rotate_ccw^-1", "rotate_180")]
    reached = cayley_table(CATALOG.system(*words), words, 10)
    block = cayley_of(CATALOG, words, reached, "turns")
    assert (len(block.elements), block.elements[0], len(block.generators)) == (4, "id", 2)
    quarter, half = block.generators
    assert (block.table[quarter][quarter], block.table[half][half]) == (half, 0)
