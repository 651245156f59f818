"""Damaged files of a run: refused in one line, whatever was done to them, and never read as something else."""

import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mutations
import pytest
from mutations import Mutation, Survey, bytes_of, json_of, survey, tensors_of, toml_of

import augalgebra as aa
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import RunError
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.progress import Report
from augalgebra.training.settings import TrainSettings

CATALOG = aa.load_catalog()
SETTINGS = TrainSettings(dim=2, width=1, epochs=2, batch_size=16, seed=1)
TRIED = int(os.environ.get("AUGALG_MUTATIONS", "300"))
"""How many are tried in all, over five files with and without digests."""

Damage = Callable[[bytes, int, int], Iterator[Mutation]]


def lines_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    return json_of(content, count, seed, lines=True)


FILES: dict[str, Damage] = {
    "model.safetensors": tensors_of,
    "operators.safetensors": tensors_of,
    "checkpoint.safetensors": tensors_of,
    "run.toml": toml_of,
    "metrics.jsonl": lines_of,
}


def few() -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:16], part.labels[:16], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = few()


def interrupt(report: Report) -> None:
    if report.step == 1:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interrupted run with a head, which has all kinds of files."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    run = train(folder, SETTINGS, CATALOG, data=DATA, progress=interrupt)
    transfer(run, ["invert"], epochs=1, data=DATA)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def without_digests(folder: Path) -> None:
    """Make a run of the form that they had before their files had digests."""
    record = folder / "run.toml"
    record.write_text(re.sub(r"\n\[files\]\n[^\[]*", "", record.read_text()))


def content_of(folder: Path) -> Any:
    """All that is read of a run."""
    run = Run.load(folder, CATALOG, accept_stale=True)
    weights = {name: tensor.numpy().tobytes() for name, tensor in run.space.state_dict().items()}
    maps = {str(word): entry.map.homogeneous.tobytes() for word, entry in run.registry.entries.items()}
    origins = [entry.provenance.to_dict() for entry in run.registry.entries.values()]
    told = run.settings, run.steps, run.ended, run.transfers, dict(run.data), run.metrics, run.space.head_kinds
    return weights, maps, origins, told


def resumed(folder: Path) -> None:
    """Take a run up from its checkpoint, until the first step."""
    train(folder, SETTINGS, CATALOG, data=DATA, resume=True, progress=interrupt)


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "old"])
@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_refused(name: str, digests: bool, run: Path, tmp_path: Path) -> None:
    if not digests:
        without_digests(run)
    whole = (run / name).read_bytes()

    def read(content: bytes) -> Any:
        (run / name).write_bytes(content)
        if name != "checkpoint.safetensors":
            return content_of(run)
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(run, copy)
        resumed(copy)
        return content_of(copy)

    seed, each = zlib.crc32(f"{name} {digests}".encode()), max(4, TRIED // (4 * len(FILES)))
    surveys = [survey(damage(whole, each, seed), read, whole) for damage in (FILES[name], bytes_of)]
    faults = [fault for one in surveys for fault in one.faults]
    assert faults == []
    if digests:
        assert [cause for one in surveys for cause in one.other] == []
    assert sum(one.counts["refused"] for one in surveys) > each  # most of them


def test_a_header_nested_beyond_all_measure_is_damaged(run: Path) -> None:
    depth = 3000
    text = b'{"__metadata__":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    (run / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    without_digests(run)
    with pytest.raises(RunError, match=r"model\.safetensors is damaged \([^\n]*\); train it again$"):
        Run.load(run, CATALOG)


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "old"])
@pytest.mark.parametrize("name", ["run.toml", "model.safetensors", "operators.safetensors", "metrics.jsonl"])
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_damaged(name: str, digests: bool, run: Path) -> None:
    if not digests:
        without_digests(run)
    for make in (os.mkfifo, os.mkdir):
        (run / name).unlink() if (run / name).is_fifo() or (run / name).is_file() else (run / name).rmdir()
        make(run / name)
        with pytest.raises(aa.AugalgebraError, match=rf"{re.escape(name)} is damaged.*regular file"):
            Run.load(run, CATALOG)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('steps = "x"', r"run\.toml: run: steps must be a whole number of at least 0, not 'x'"),
        ("steps = -1", r"run\.toml: run: steps must be a whole number of at least 0, not -1"),
        ("steps = 99999999999999999999", r"run\.toml: run: steps must be a whole number"),
        ('device = "evil"', r"run\.toml: settings: there is no device 'evil'; use 'cpu', 'cuda', … or 'auto'"),
        ("dim = 1e300", r"run\.toml: settings: .*dim must be a whole number"),
        ('ended = "maybe"', r"run\.toml: run: ended must be one of limit, interrupted, diverged, unfinished"),
        ("encoder = 3", r"run\.toml: run: encoder must be a SHA-256"),
        ("train = [1]", r"run\.toml: data: train must be a whole number of at least 0, not a list of 1"),
        ('mode = "expand"', r"run\.toml: transfer: invert: mode must be one of \w+, \w+, not 'expand'"),
        ("operators = []", r"run\.toml: transfer: invert has 1 augmentations and 0 operators"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(line: str, message: str, run: Path) -> None:
    without_digests(run)
    record = run / "run.toml"
    key = line.partition(" = ")[0]
    text, count = re.subn(rf"(?m)^{key} = .*$", line, record.read_text(), count=1)
    assert count == 1
    record.write_text(text)
    with pytest.raises(RunError, match=message) as caught:
        Run.load(run, CATALOG)
    assert "\n" not in str(caught.value)


def test_what_was_changed_by_hand_is_said_and_can_be_allowed(run: Path) -> None:
    record = run / "run.toml"
    text = record.read_text()
    record.write_text(text.replace("steps = 1\n", "steps = 2\n", 1))
    with pytest.raises(RunError, match=r"run\.toml is damaged or was changed by hand: .*take the line \"run.toml\""):
        Run.load(run, CATALOG)
    record.write_text(re.sub(r'(?m)^"run.toml" = .*\n', "", record.read_text()))
    assert Run.load(run, CATALOG).steps == 2


def test_the_harness_tells_all_kinds_of_failure_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "SECONDS", 1)
    cases = [(text, text.encode()) for text in ("right", "wrong", "refused", "lines", "crash", "hang")]

    def read(content: bytes) -> str:
        text = content.decode()
        if text == "refused":
            raise RunError("one line")
        if text == "lines":
            raise RunError("two\nlines")
        if text == "crash":
            raise RecursionError
        while text == "hang":
            pass
        return "right" if text == "right" else text

    found: Survey = survey(iter(cases), read, b"right")
    assert found.counts == {"same": 1, "other": 1, "refused": 2, "traceback": 1, "hang": 1}
    assert [fault.partition(":")[0] for fault in found.faults] == ["lines", "crash", "hang"]
    assert found.other == ["wrong"]
