"""Runs that were written before their files had digests, made by the version of that time."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import augalgebra as aa
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import RunError
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

CATALOG = aa.load_catalog()
FIXTURES = Path(__file__).parent.parent / "fixtures"
TINY = TrainSettings(dim=4, width=4, epochs=3, batch_size=8, seed=1)


def tiny() -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:24], part.labels[:24], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = tiny()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "old_run", tmp_path / "run"))


def assert_same_numbers(run: Run) -> None:
    expected = json.loads((FIXTURES / "old_run.json").read_text())
    images, _ = DATA.test.batch(slice(4))
    with torch.no_grad():
        codes = run.space.encode(images)
        assert codes.tolist() == [pytest.approx(row, abs=1e-5) for row in expected["codes"]]
        codes = torch.tensor(expected["codes"])
        for head, sums in expected["drawn"].items():
            assert run.space.decode(codes, head).sum((1, 2, 3)).tolist() == pytest.approx(sums, rel=1e-5)
        for word, rows in expected["moved"].items():
            moved = run.registry.operator(word).apply(codes).tolist()
            assert moved == [pytest.approx(row, abs=1e-5) for row in rows]


def test_they_are_read_with_the_same_numbers_and_left_as_they_are(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    run = Run.load(old, CATALOG)
    assert (run.steps, run.ended, list(run.transfers), len(run.metrics)) == (9, "limit", ["invert"], 4)
    assert (run.settings.likelihood, run.space.likelihood.name) == ("bernoulli", "bernoulli")  # they do not name it
    assert_same_numbers(run)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


def test_they_get_digests_with_the_next_change_and_keep_their_numbers(old: Path) -> None:
    (old / "check.json").write_text("{}")
    (old / "report.html").write_text("of before")
    run = Run.load(old, CATALOG)
    transfer(run, ["canny"], mode="relabel", onto=["flip_lr"], epochs=1, data=DATA)
    assert "[files]" in (old / "run.toml").read_text()
    assert (old / "check.json").exists()  # the encoder, its head and its operators are the same
    assert not (old / "report.html").exists()
    again = Run.load(old, CATALOG)
    assert set(again.transfers) == {"invert", "canny"}
    assert_same_numbers(again)


def test_an_interrupted_one_is_resumed_to_the_end_of_one_that_never_was(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "old_interrupted", tmp_path / "run")
    with pytest.raises(RunError, match="was trained with likelihood = 'bernoulli', not gaussian"):
        train(tmp_path / "run", replace(TINY, likelihood="gaussian", dim=4), CATALOG, data=DATA, resume=True)
    train(tmp_path / "run", TINY, CATALOG, data=DATA, resume=True)
    train(tmp_path / "whole", TINY, CATALOG, data=DATA)
    names = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("run", "whole")]
    assert names[0] == names[1]
    resumed, whole = (Run.load(tmp_path / name, CATALOG) for name in ("run", "whole"))
    assert (resumed.steps, resumed.ended, resumed.settings) == (whole.steps, whole.ended, whole.settings)
    # the first steps were made on another processor, which rounds otherwise and may have learned in bfloat16
    weights = whole.space.state_dict()
    for name, weight in resumed.space.state_dict().items():
        torch.testing.assert_close(weight, weights[name], atol=0.01, rtol=0)
    for one, other in zip(resumed.metrics, whole.metrics, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_a_head_that_was_cut_off_before_it_was_named_is_left_out_and_can_be_trained(old: Path) -> None:
    record = old / "run.toml"
    record.write_text(record.read_text().partition("\n[transfer")[0])
    run = Run.load(old, CATALOG)
    assert run.space.heads == ("main",)
    transfer(run, ["invert"], epochs=1, data=DATA)
    assert list(Run.load(old, CATALOG).transfers) == ["invert"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["encoder.heads.weight", "decoders.main.spread.weight", "decoders.invert.inner.bias"])
def test_weights_that_are_not_finite_are_refused(old: Path, name: str, value: float) -> None:
    path = old / "model.safetensors"
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors[name].view(-1)[3] = value
    save_file(tensors, path, metadata)
    with pytest.raises(RunError, match=rf"model\.safetensors is damaged \({name} holds numbers that are not finite\)"):
        Run.load(old, CATALOG)
