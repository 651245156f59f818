"""Transfer sweeps: what is computed, what is kept, and what is made of it."""

import itertools
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from augalg_slides.sweeps import worker
from augalg_slides.sweeps.pairs import (
    EXTENDED,
    FLIPS,
    SHEAR_CANNY,
    SLIDES,
    Pair,
    parse_pairs,
)
from augalg_slides.sweeps.results import SweepResult
from augalg_slides.sweeps.settings import SweepSettings, Unit, plan
from augalg_slides.sweeps.sweep import Standing, read_sweep, run_sweep
from augalg_slides.sweeps.tables import to_markdown

import augalgebra as aa
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, DataError, RunError, UnknownNameError
from augalgebra.runs import measure_run
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.run import Run
from augalgebra.tasks import Backend, Workers
from augalgebra.training.loop import TrainingError

CATALOG = aa.load_catalog()
DATA = load_data().part(24)
TINY = SweepSettings(
    pairs=(FLIPS, SHEAR_CANNY), modes=("relabel",), dim=4, width=4, epochs=1, transfer_epochs=1, device="cpu"
)
ALONE = Workers(threads=1)


def swept(folder: Path, settings: SweepSettings = TINY, **more: Any) -> SweepResult:
    return run_sweep(folder, settings, CATALOG, data=DATA, **({"workers": ALONE} | more))


def cells(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "cells").iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    assert not swept(folder).missing
    return folder


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "sweep"))


def test_every_pair_is_drawn_from_every_pair_and_the_native_ones_by_their_own_head(whole: Path) -> None:
    result = read_sweep(whole, CATALOG, DATA)
    assert {
        (FLIPS, FLIPS, "native"),
        (FLIPS, FLIPS, "relabel"),
        (FLIPS, SHEAR_CANNY, "relabel"),
        (SHEAR_CANNY, SHEAR_CANNY, "native"),
        (SHEAR_CANNY, SHEAR_CANNY, "relabel"),
        (SHEAR_CANNY, FLIPS, "relabel"),
    } == {(entry.train, entry.target, entry.mode) for entry in result.entries}
    assert ["native", "relabel", "relabel", "native"] == [entry.mode for entry in result.table("relabel").values()]
    assert 2 == len(list((whole / "runs").iterdir()))
    for cell in result.cells:
        assert cell.total == pytest.approx(sum(term.loss for term in cell.terms.values()))
        assert cell.images == 24


def test_numbers_are_those_of_training_transferring_and_measuring_by_hand(whole: Path, tmp_path: Path) -> None:
    from augalgebra.runs.check import measure_run

    (folder,) = (whole / "runs").glob("flip_lr*")
    run = replace(Run.load(folder, CATALOG), folder=tmp_path)
    transfer(run, SHEAR_CANNY, mode="relabel", epochs=1, data=DATA)
    report = measure_run(run, data=DATA, head="shear_x-canny")
    cell = next(
        c for c in read_sweep(whole, CATALOG, DATA).cells if (c.key.train, c.key.target) == (FLIPS, SHEAR_CANNY)
    )
    assert cell.total == pytest.approx(report.total(["id", "shear_x", "canny", "shear_x * canny"]), rel=1e-5)
    score = report.get("shear_x * canny")
    assert score is not None
    term = cell.terms["composition"]
    expected = term.floor, term.unmoved, term.entropy
    assert (score.floor, score.identity_bce, score.entropy) == pytest.approx(expected, rel=1e-5)
    assert cell.excess == pytest.approx(cell.total - sum(term.entropy for term in cell.terms.values()))


def test_cells_measured_otherwise_are_computed_again(copied: Path) -> None:
    before = cells(copied)
    name = next(iter(before))
    content = json.loads(before[name])
    old = {key: value for key, value in content.items() if key != "measure"}
    old["terms"] = {role: {k: v for k, v in term.items() if k != "entropy"} for role, term in old["terms"].items()}
    (copied / "cells" / name).write_text(json.dumps(old), encoding="utf-8")
    notes = read_sweep(copied, CATALOG, DATA).notes
    assert len(notes) == 1
    assert "was measured otherwise than now" in notes[0]
    assert "'augalg slides sweep' computes it again" in notes[0]
    result = swept(copied)
    assert result.notes == notes
    assert cells(copied) == before


def test_cells_of_a_plugin_file_that_has_changed_are_others(tmp_path: Path) -> None:
    file = tmp_path / "acme.py"

    def digests(body: str) -> list[str]:
        file.write_text(
            "import augalgebra as aa\n\n@aa.hookimpl\ndef augalg_register(register):\n"
            f"    register('acme.neg', inverse='self')(lambda x: {body})\n"
        )
        catalog = aa.load_catalog(aa.Settings((file,)))
        settings = replace(TINY, pairs=(("flip_lr", "acme.neg"),), targets=()).completed(catalog, DATA)
        return [key.digest for unit in plan(settings, catalog, DATA) for key in unit.cells]

    before = digests("1 - x")
    assert digests("1 - x") == before
    assert not set(digests("x.flip(-2)")) & set(before)


def test_heads_of_a_decoder_whose_plugin_has_changed_are_others_and_native_ones_stay(tmp_path: Path) -> None:
    def planned(version: int) -> tuple[aa.Catalog, tuple[Unit, ...]]:
        (tmp_path / "acme.py").write_text(
            "import augalgebra as aa\n\n@aa.hookimpl\ndef augalg_heads():\n"
            f"    return {{'acme.head': lambda shape, dim: {version}}}\n"
        )
        catalog = aa.load_catalog(aa.Settings((tmp_path / "acme.py",)))
        return catalog, plan(replace(TINY, decoder="acme.head").completed(catalog, DATA), catalog, DATA)

    def digests(version: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key in (key for unit in planned(version)[1] for key in unit.cells):
            found.setdefault(key.mode, []).append(key.digest)
        return found

    before, after = digests(1), digests(2)
    assert before["native"] == after["native"]
    assert not set(before["relabel"]) & set(after["relabel"])
    assert digests(1) == before
    _, (unit, *_) = planned(1)
    there, _ = planned(2)
    outcome = worker.compute(worker.Work(tmp_path / "sweep", 1, there), unit, DATA)
    assert not outcome.cells
    assert "has acme.head from another plugin or version of it than where the sweep was started" in outcome.failures[0]


def test_the_weight_of_the_divergence_reaches_stage_1_and_the_table_says_so(whole: Path, tmp_path: Path) -> None:
    light = swept(tmp_path / "light", replace(TINY, pairs=(SHEAR_CANNY,), kl_weight=0.1))
    (folder,) = (tmp_path / "light" / "runs").iterdir()
    assert Run.load(folder, CATALOG).settings.kl_weight == 0.1
    assert "divergence weighted 0.1" in to_markdown(light)
    assert "divergence" not in to_markdown(read_sweep(whole, CATALOG, DATA))
    assert not cells(tmp_path / "light").keys() & cells(whole).keys()


def test_heads_of_another_make_are_what_transfer_trains_with_them(whole: Path, tmp_path: Path) -> None:
    settings = replace(TINY, pairs=(FLIPS,), targets=(SHEAR_CANNY,), decoder="slides.deep", transfer_rate=2e-3)
    deep = swept(tmp_path / "deep", settings)
    assert "stage 3 1 epochs with heads slides.deep at rate 0.002;" in to_markdown(deep)
    assert "heads" not in to_markdown(read_sweep(whole, CATALOG, DATA)).split("seeds")[0]
    assert not cells(tmp_path / "deep").keys() & cells(whole).keys()
    (folder,) = (tmp_path / "deep" / "runs").iterdir()
    run = Run.load(folder, CATALOG)
    transfer(
        *(run, SHEAR_CANNY), mode="relabel", decoder="slides.deep", learning_rate=2e-3, epochs=1, data=DATA, save=False
    )
    words = ["id", "shear_x", "canny", "shear_x * canny"]
    report = measure_run(run, data=DATA, head="shear_x-canny", words=words, views=["id"])
    assert deep.entries[0].total.mean == pytest.approx(sum(report.get(word).bce for word in words), rel=1e-6)
    assert read_sweep(tmp_path / "deep", CATALOG, DATA).settings == deep.settings
    with pytest.raises(UnknownNameError, match=r"did you mean slides\.deep"):
        swept(tmp_path / "none", replace(settings, decoder="slides.dep"))
    assert not (tmp_path / "none").exists()


def test_only_what_is_missing_is_computed_again(copied: Path) -> None:
    before = cells(copied)
    lost = list(before)[::2]
    for name in lost:
        (copied / "cells" / name).unlink()
    runs = {path: path.stat().st_mtime_ns for path in (copied / "runs").rglob("*") if path.is_file()}
    times = {name: (copied / "cells" / name).stat().st_mtime_ns for name in before if name not in lost}
    told: list[Standing] = []
    swept(copied, progress=told.append)
    assert before == cells(copied)
    assert times == {name: (copied / "cells" / name).stat().st_mtime_ns for name in times}
    assert runs == {path: path.stat().st_mtime_ns for path in (copied / "runs").rglob("*") if path.is_file()}
    assert (told[0].done, told[0].total, told[-1].done) == (3, 6, 6)


def test_a_cell_does_not_depend_on_which_others_are_computed(whole: Path, tmp_path: Path) -> None:
    both = replace(TINY, modes=("extend", "relabel"), pairs=(FLIPS,), targets=(("canny", "shear_x"), SHEAR_CANNY))
    swept(tmp_path / "both", both)
    swept(tmp_path / "one", replace(both, modes=("extend",), targets=(SHEAR_CANNY,)))
    (name,) = cells(tmp_path / "one")
    assert cells(tmp_path / "one")[name] == cells(tmp_path / "both")[name]
    assert 1 == len(set(cells(tmp_path / "both").items()) & set(cells(whole).items()))


def test_damaged_and_foreign_files_are_named_and_computed_again(copied: Path) -> None:
    before = cells(copied)
    damaged, other, strange, empty = list(before)[:4]
    (copied / "cells" / damaged).write_bytes(before[damaged][:50])
    (copied / "cells" / other).write_bytes(before[damaged])
    (copied / "cells" / strange).write_text('{"kind": "something else"}')
    incomplete = json.loads(before[empty])
    del incomplete["terms"]["composition"]
    (copied / "cells" / empty).write_text(json.dumps(incomplete))
    result = swept(copied)
    assert before == cells(copied)
    for name, reason in [
        (damaged, "is damaged"),
        (other, "with other settings"),
        (strange, "is no cell"),
        (empty, "incomplete"),
    ]:
        assert any(name in note and reason in note for note in result.notes), (name, result.notes)


def test_a_damaged_run_is_named_and_trained_again(copied: Path) -> None:
    before = cells(copied)
    (folder,) = (copied / "runs").glob("shear_x*")
    (folder / "model.safetensors").write_bytes(b"damaged")
    for path in (copied / "cells").iterdir():
        path.unlink()
    result = swept(copied)
    assert [True] == [folder.name in note and "trained again" in note for note in result.notes]
    assert before == cells(copied)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, whole: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="no sweep"):
        swept(tmp_path)
    assert ["letter.txt"] == [path.name for path in tmp_path.iterdir()]
    with pytest.raises(RunError, match="there is no sweep"):
        read_sweep(tmp_path, CATALOG, DATA)
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(RunError, match=r"sweep\.json is damaged"):
        swept(tmp_path)
    with pytest.raises(DataError, match="not what the sweep"):
        read_sweep(whole, CATALOG, load_data().part(30))


def test_other_settings_are_other_cells_in_the_same_folder(copied: Path) -> None:
    before = cells(copied)
    swept(copied, replace(TINY, transfer_epochs=2, pairs=(FLIPS,), targets=(SHEAR_CANNY,)))
    assert 1 == len(cells(copied)) - len(before)
    assert before.items() <= cells(copied).items()
    assert 2 == len(list((copied / "runs").iterdir()))


@pytest.mark.parametrize("at", [1, 3])
def test_an_interrupted_sweep_keeps_what_is_done_and_goes_on(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    calls = itertools.count(1)

    def interrupted(*args: Any, **more: Any) -> Any:
        if next(calls) == at:
            raise KeyboardInterrupt
        return transfer(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "transfer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            swept(tmp_path / "sweep")
    kept = cells(tmp_path / "sweep")
    assert at == len(kept)
    assert not swept(tmp_path / "sweep").missing
    assert cells(whole) == cells(tmp_path / "sweep")


def test_a_training_that_was_interrupted_is_taken_up_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_soon(_: object) -> Any:
        def told(report: Any) -> None:
            if report.step == 1:
                raise KeyboardInterrupt

        return told

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_watching", stop_soon)
        # a second pass, so that there is something left after the first step
        with pytest.raises(KeyboardInterrupt):
            swept(tmp_path / "sweep", replace(TINY, epochs=2))
    assert not (tmp_path / "sweep" / "cells").exists()
    (folder,) = (tmp_path / "sweep" / "runs").iterdir()
    assert (folder / "checkpoint.safetensors").exists()
    swept(tmp_path / "sweep", replace(TINY, epochs=2))
    swept(tmp_path / "straight", replace(TINY, epochs=2))
    assert cells(tmp_path / "straight") == cells(tmp_path / "sweep")


def test_what_fails_is_named_and_does_not_keep_the_others_from_being_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(run: Run, target: Pair, **more: Any) -> Any:
        if target == SHEAR_CANNY:
            raise TrainingError("stage 3 diverged")
        return transfer(run, target, **more)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "transfer", failing)
        result = swept(tmp_path / "sweep")
    assert (4, 2, 2) == (len(result.cells), len(result.missing), len(result.failures))
    assert all("→ shear_x, canny" in line and "diverged" in line for line in result.failures)
    assert not swept(tmp_path / "sweep").missing


@pytest.mark.parametrize(("backend", "jobs"), [("threading", 2), ("loky", 2)])
def test_results_are_equal_whatever_the_backend(whole: Path, tmp_path: Path, backend: Backend, jobs: int) -> None:
    swept(tmp_path / "sweep", workers=Workers(jobs, backend, threads=1))
    assert cells(whole) == cells(tmp_path / "sweep")


def test_a_dask_cluster_of_which_one_worker_is_killed_half_way_computes_the_same(whole: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", local_directory=str(tmp_path / "dask")
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            processes = list(client.run(os.getpid).values())

        def kill(standing: Standing) -> None:
            if standing.done and len(processes) > 1:
                os.kill(processes.pop(), signal.SIGKILL)

        workers = Workers(backend="dask", scheduler=cluster.scheduler_address, threads=1)
        assert not swept(tmp_path / "sweep", workers=workers, progress=kill).missing
        assert 1 == len(processes)
        with distributed.Client(cluster):  # the client of this process will do as well
            swept(tmp_path / "again", replace(TINY, pairs=(FLIPS,)), workers=Workers(backend="dask", threads=1))
    assert cells(whole) == cells(tmp_path / "sweep")
    assert cells(tmp_path / "again").items() <= cells(whole).items()


def test_backends_that_cannot_be_used_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("distributed", "ray"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    for backend in ("dask", "ray"):
        with pytest.raises(AugalgebraError, match="pip install"):
            swept(tmp_path / backend, workers=Workers(backend=backend))  # type: ignore[arg-type]
    with pytest.raises(AugalgebraError, match="has no scheduler"):
        Workers(scheduler="tcp://127.0.0.1:1")
    with pytest.raises(AugalgebraError, match="from 0 up"):
        Workers(jobs=-2)
    assert Workers(backend="dask").threads_each == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": ()}, "at least one of its pairs"),
        ({"seeds": (1, 1)}, "each only once"),
        ({"modes": ("rename",)}, "no mode 'rename'"),
        ({"transfer_epochs": 0}, "transfer_epochs must be larger"),
        ({"dim": -1}, "dim must be larger"),
        ({"pairs": (("flip_lr", "flip_lr"),)}, "in a pair with itself"),
    ],
)
def test_impossible_settings_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(AugalgebraError, match=message):
        swept(tmp_path, replace(TINY, targets=(), **change))
    assert not list(tmp_path.iterdir())


def test_pairs_are_read_from_text() -> None:
    assert SLIDES == parse_pairs("slides", CATALOG)
    assert EXTENDED == parse_pairs(" Extended", CATALOG)
    assert (("shear_x(10)", "canny"), FLIPS) == parse_pairs("shear_x(10, 0),canny; dihedral.flip_lr, flip_ud;", CATALOG)
    for text, message in [
        ("flip_lr", "flip_lr is no pair"),
        ("slide", "did you mean slides"),
        ("flip_lr,flip_ud,canny", "no pair"),
        (";", "at least one pair"),
        ("flip_lr,flip_lr * flip_ud", "no single augmentation"),
        ("flip_lr,flip_ur", "did you mean"),
    ]:
        with pytest.raises(AugalgebraError, match=message.replace("*", r"\*")):
            parse_pairs(text, CATALOG)


def test_parts_of_a_data_set_keep_the_numbers_of_the_images() -> None:
    part: Dataset = load_data().part(24)
    assert (24, 24) == (len(part.train), len(part.test))
    assert load_data().test.first == part.test.first
    assert load_data().part(None).fingerprint == load_data().fingerprint
