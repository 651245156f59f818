"""Registering into a trained run: an operator, a head, and nothing else touched."""

import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import augalgebra as aa
from augalgebra.data.loading import load_data
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

Program = Callable[..., Any]

GOOD = (Path(__file__).parent.parent.parent / "fixtures" / "negate.py").read_text()
HEAD = ("register", "wave.py", "--model", "run", "--transfer", "--epochs", "2")


@pytest.fixture(scope="module")
def trained(few_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a few images of flips, which has never seen what is registered into it."""
    data = load_data(few_digits)
    settings = TrainSettings(data=data.name, dim=4, width=4, epochs=2, batch_size=16)
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(folder, settings, aa.load_catalog(aa.Settings()), data=data)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, beside a plugin that is not registered yet."""
    (tmp_path / "wave.py").write_text(GOOD)
    return shutil.copytree(trained, tmp_path / "run")


def files(workspace: Path) -> dict[str, bytes]:
    """The run and the workspace file, byte for byte."""
    found = {path.name: path.read_bytes() for path in (workspace / "run").iterdir()}
    file = workspace / "augalg.toml"
    return found | ({file.name: file.read_bytes()} if file.exists() else {})


def bits(folder: Path) -> dict[str, bytes]:
    """Every tensor of a run: encoder, heads, operators."""
    return {
        f"{name}: {key}": tensor.tobytes()
        for name in ("model", "operators")
        for key, tensor in load_file(folder / f"{name}.safetensors").items()
    }


def added(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    """The tensors that are new; all others have to be the same, bit for bit."""
    assert {key: after[key] for key in before} == before
    return after.keys() - before.keys()


def test_an_operator_is_fitted_and_grows_stale_with_its_file(program: Program, run: Path, tmp_path: Path) -> None:
    before, kept = files(tmp_path), bits(run)
    missing = program("register", "wave.py", "--model", "nowhere")
    assert (missing.code, missing.out) == (2, "")
    assert "nowhere" in missing.err
    dry = program("register", "wave.py", "--model", "run", "--dry-run")
    assert "negate^2 = id: " in dry.out
    assert files(tmp_path) == before
    done = program("register", "wave.py", "--model", "run", "--json").data
    (operator,) = done["latent"]["operators"]
    assert {"residual", "identity_residual", "rank", "condition"} <= operator.keys()
    assert {"gap_ratio", "floor", "identity_ratio"} <= operator.keys()
    assert [item["equation"] for item in operator["laws"] if item["residual"] is not None]
    after = files(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} == {
        "run.toml",
        "operators.safetensors",
        "augalg.toml",
    }
    (name,) = added(kept, bits(run))
    assert "negate" in name
    assert not program("register", "wave.py", "--model", "run", "--json").data["latent"]["operators"][0]["fitted"]
    assert files(tmp_path) == after
    (tmp_path / "wave.py").write_text(GOOD + "# another\n")
    assert "stale: negate: " in program("operators", "run").out
    for command in (["check", "run"], ["compose", "negate", "--model", "run"]):
        done = program(*command)
        assert done.code == 2
        assert "negate" in done.err


def test_a_head_is_measured_before_and_after_and_all_else_stays(program: Program, run: Path, tmp_path: Path) -> None:
    kept = bits(run)
    done = program(*HEAD, "--json")
    assert done.code == 0, done.err
    head = done.data["latent"]["transfer"]
    assert (head["head"], head["mode"], head["trained"]) == ("negate", "extend", True)
    (before,), (after,) = head["before"], head["after"]
    assert before["word"] == after["word"] == "negate"
    for score in (before, after):
        assert score["gap_ratio"] == pytest.approx((score["bce"] - score["entropy"]) / score["floor_excess"])
        assert score["loss_ratio"] == pytest.approx(score["bce"] / score["floor"])
        assert score["identity_ratio"] is not None
    assert before["bce"] != after["bce"]
    new = added(kept, bits(run))
    assert len([name for name in new if name.startswith("operators: ")]) == 1
    assert all(name.startswith(("operators: ", "model: decoders.negate.")) for name in new)
    first = files(tmp_path)
    shown = program(*HEAD)
    assert shown.code == 0, shown.err
    assert files(tmp_path) == first
    assert "Head negate, extend: there already, and still true; not trained again" in shown.out
    assert "wave is registered just so already" in shown.out
    for text, score in (("main, before", before), ("negate, after", after)):
        (row,) = [line for line in shown.out.partition(f"drawn by {text}")[2].splitlines() if "negate " in line][:1]
        losses = [f"{score[name]:.1f}" for name in ("entropy", "floor", "bce")]
        assert row.split()[1:6] == [*losses, f"{score['excess']:.2f}", f"{score['gap_ratio']:.3f}"]


def test_a_pair_is_drawn_where_two_trained_operators_lead(program: Program, run: Path, tmp_path: Path) -> None:
    kept = bits(run)
    done = program(*HEAD, "--with", "canny", "--json")
    assert done.code == 0, done.err
    head = done.data["latent"]["transfer"]
    assert (head["mode"], head["trained"]) == ("relabel", True)
    assert sorted(head["operators"].values()) == ["dihedral.flip_lr", "dihedral.flip_ud"]
    best, *others = head["slots"]
    assert len(others) == 1
    assert any("both involutory" in text for text in best["agree"])
    assert any("canny is not invertible" in text for text in best["differ"])
    assert best["residuals"].keys() == {"negate", "canny"}
    assert {score["word"] for score in head["after"]} >= {"negate", "canny", "negate * canny"}
    # a pair takes operators over, so that the only new one is that of what was registered
    new = added(kept, bits(run))
    assert len([name for name in new if name.startswith("operators: ")]) == 1
    shown = program(*HEAD, "--with", "canny")
    assert shown.code == 0, shown.err
    assert "stands for negate" in shown.out
    assert "laws that differ" in shown.out
    assert "not trained again" in shown.out


def test_what_is_unregistered_can_be_taken_out_of_the_run(program: Program, run: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    assert program(*HEAD, "--json").code == 0
    assert program(*HEAD, "--with", "canny", "--json").code == 0
    with_heads = files(tmp_path)
    done = program("unregister", "wave", "--model", "nowhere")
    assert (done.code, done.out) == (2, "")
    assert files(tmp_path) == with_heads
    done = program("unregister", "wave", "--model", "run")
    assert done.code == 0, done.err
    assert "operators taken out of run: negate\nheads taken out of run: negate, " in done.out
    assert files(tmp_path) == before
    # although it is gone by then
    assert program(*HEAD, "--json").code == 0
    (tmp_path / "wave.py").unlink()
    done = program("unregister", "wave", "--model", "run", "--json").data
    assert (done["operators"], done["heads"]) == (["wave.negate"], ["negate"])
    assert files(tmp_path) == before


def test_a_run_that_was_trained_on_it_is_left_alone(program: Program, run: Path, tmp_path: Path) -> None:
    assert program("register", "dihedral", "--json").code == 0
    before = files(tmp_path)
    done = program("unregister", "dihedral", "--model", "run")
    assert (done.code, done.out) == (2, "")
    assert "was trained on flip_lr, flip_ud, so that it cannot do without" in done.err
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--transfer"], "--transfer needs the trained run: --model RUN"),
        (["--model", "run", "--with", "canny"], "--with is for the head that --transfer trains"),
        (["--model", "run", "--epochs", "2"], "--epochs is for the head that --transfer trains"),
        (["--model", "run", "--transfer", "--budget", "soon"], "'soon' is no time"),
        (["--model", "run", "--transfer", "--with", "cany"], "did you mean filters.canny?"),
        (["--model", "run", "--fit", "magic"], "magic"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_fit_get_one_clear_line(
    program: Program, run: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    before = files(tmp_path)
    done = program("register", "wave.py", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert files(tmp_path) == before


def test_what_is_refused_is_not_trained(program: Program, run: Path, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD.replace('inverse="self"', "period=3"))
    before = files(tmp_path)
    done = program(*HEAD)
    assert done.code == 1
    assert "the workspace is as it was" in done.out
    assert files(tmp_path) == before


def test_killed_half_way_run_and_workspace_are_as_they_were(run: Path, tmp_path: Path) -> None:
    (tmp_path / "augalg.toml").write_text("# mine\n")
    before = files(tmp_path)
    master, slave = pty.openpty()  # progress is shown where somebody is looking
    command = [Path(sys.executable).with_name("augalg"), *HEAD[:-1], "1000000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while b"stage 3" not in shown:
            part = os.read(master, 4096)
            assert part, "it ended before it trained"
            shown += part
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert process.returncode == -signal.SIGKILL
    left = files(tmp_path)
    left.pop(".lock", None)  # of nobody any more
    assert left == before
