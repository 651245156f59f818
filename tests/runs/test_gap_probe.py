"""A word watched while a latent space is trained: measured truly, and without leaving a trace."""

from dataclasses import replace
from pathlib import Path

import pytest

import augalgebra as aa
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.composition import measure_composition
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.runs import gap_probe
from augalgebra.runs.stages import train
from augalgebra.training.progress import Report
from augalgebra.training.settings import TrainSettings

CATALOG = aa.load_catalog()
TINY = TrainSettings(dim=4, width=4, epochs=3, batch_size=8, seed=1)


def tiny_data(count: int = 24) -> Dataset:
    digits = load_data()
    return Dataset("digits", *(Split(s.images[:count], s.labels[:count], s.first) for s in (digits.train, digits.test)))


@pytest.mark.parametrize(
    ("preset", "augmentations"),
    [("equivariant", ("flip_lr", "flip_ud")), ("equivariant", ("flip_lr", "shear_x")), ("faithful", ("flip_lr",))],
)
def test_a_watched_word_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str, augmentations: tuple[str, ...]
) -> None:
    monkeypatch.setattr(gap_probe, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(gap_probe, "_LEAST_SHARE", 0.0)
    settings, data = replace(TINY, preset=preset, augmentations=augmentations), tiny_data()
    reports: list[Report] = []
    train(tmp_path / "watched", settings, CATALOG, data=data, progress=reports.append, watch=True)
    train(tmp_path / "alone", settings, CATALOG, data=data)
    for name in ("model.safetensors", "operators.safetensors", "metrics.jsonl"):
        assert (tmp_path / "watched" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert reports[0].probed is None
    (word,) = {report.probed.word for report in reports if report.probed}
    assert word == " * ".join(augmentations)
    assert len({report.probed.floor for report in reports if report.probed}) > 1  # it is looked at again


def test_what_is_told_is_what_a_check_would_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_probe, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(gap_probe, "_LEAST_SHARE", 0.0)
    data, reports = tiny_data(), []
    run = train(tmp_path / "run", TINY, CATALOG, data=data, progress=reports.append, watch=True)
    images, ids = data.test.batch(slice(None))
    checked = measure_composition(
        run.space, UnreducedOperators(run.registry), CATALOG, images, ["flip_lr", "flip_ud"], ids=ids, seed=1
    ).get("flip_lr * flip_ud")
    assert reports[-1].step == run.steps
    assert reports[-1].probed.floor == pytest.approx(checked.floor, rel=1e-5)
    assert reports[-1].probed.gap_ratio == pytest.approx(checked.gap_ratio, rel=1e-3)


def test_nothing_is_measured_unless_asked_for_nor_too_often(tmp_path: Path) -> None:
    reports: list[Report] = []
    train(tmp_path / "run", TINY, CATALOG, data=tiny_data(), progress=reports.append)
    train(tmp_path / "watched", TINY, CATALOG, data=tiny_data(), progress=reports.append, watch=True)
    assert len(reports) == 18
    assert all(report.probed is None for report in reports)  # it is over before the first probe is due
