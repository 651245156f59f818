"""Training, measuring and extending a run from the command line."""

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from augalg_cli.commands import runs

from augalgebra.case_progress import CaseProgress

TRAIN = ["--data", "few.npz", "--width", "4", "--dim", "8", "--epochs", "1"]


@pytest.fixture
def trained(few_digits: Path, tmp_path: Path, program: Callable[..., Any]) -> Path:
    shutil.copy(few_digits, tmp_path / "few.npz")
    done = program("train", "run", *TRAIN, "--json")
    assert done.code == 0, done.err
    assert done.data["ended"] == "limit"
    return tmp_path / "run"


def test_a_run_is_trained_measured_listed_and_extended(program: Callable[..., Any], trained: Path) -> None:
    assert {"run.toml", "model.safetensors", "operators.safetensors", "metrics.jsonl", "check.json", "gallery.png"} <= {
        file.name for file in trained.iterdir()
    }

    checked = program("check", "run", "--max-length", "3", "--json")
    assert checked.code == 0, checked.err
    report = checked.data
    assert {"floor", "words", "relations", "worst_gap_ratio"} <= report.keys()
    words = {"word", "from", "kind", "verdict", "bce", "entropy", "excess", "floor", "gap_ratio", "identity_ratio"}
    assert words <= report["words"][0].keys()
    counting = [word["gap_ratio"] for word in report["words"] if word["verdict"] in ("holds", "violated")]
    assert report["worst_gap_ratio"] == max(counting, default=None)
    assert max(relation["residual"] for relation in report["relations"]) < 1e-5

    before = (trained / "operators.safetensors").read_bytes()
    relabelled = program(
        "transfer", "run", "shear_x,canny", "--mode", "relabel", "--head", "new", "--epochs", "1", "--json"
    )
    assert relabelled.code == 0, relabelled.err
    assert (trained / "operators.safetensors").read_bytes() == before
    assert "canny" in relabelled.data["floor"]
    assert program("check", "run", "--head", "new").code == 0

    listed = program("operators", "run", "--json").data["operators"]
    assert [item["name"] for item in listed] == ["dihedral.flip_lr", "dihedral.flip_ud"]
    assert all(item["rank"] == 8 and item["stale"] == [] for item in listed)


def test_what_ctrl_c_ends_is_kept_shown_and_told_by_the_exit_code(
    program: Callable[..., Any], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "training_progress", lambda **_: nullcontext(stop))
        begun = program("train", "begun", *TRAIN)
        as_json = program("train", "begun", *TRAIN, "--overwrite", "--json")
        added = program("transfer", "run", "invert", "--epochs", "1")
    assert (begun.code, as_json.code, added.code) == (130, 130, 130)
    assert "steps, interrupted; 'augalg train --resume' goes on; the run is in begun" in begun.out
    assert as_json.data["ended"] == "interrupted"
    assert "interrupted; what it learned is kept" in " ".join(added.out.split())
    assert program("train", "begun", *TRAIN, "--resume").code == 0
    assert program("check", "run", "--head", "invert").code == 0


def test_what_needs_no_data_is_refused_before_they_are_read(program: Callable[..., Any], trained: Path) -> None:
    (trained.parent / "few.npz").unlink()
    for arguments, why in (
        (["run"], "there is a run in run already; name another folder, resume it, or overwrite it"),
        (["other", "--resume"], "there is no run in other to resume; leave that out, and one is trained"),
        (["other", "--augs", "flip_lr,flip_lr"], "flip_lr is given twice"),
        (["other", "--augs", "flip_lr,flip_lx"], "unknown augmentation 'flip_lx'"),
    ):
        refused = program("train", *arguments, *TRAIN)
        assert refused.code == 2
        assert refused.err.startswith(f"error: {why}"), refused.err


def test_a_bar_cannot_be_met_by_words_that_tell_nothing(program: Callable[..., Any], trained: Path) -> None:
    # two steps of training: one grey picture for everything, so that moving codes costs as much as drawing them
    plain = program("check", "run")
    assert plain.code == 0
    missed = program("check", "run", "--bar", "100")
    assert missed.code == 1
    for done in (plain, missed):
        assert "0 of 25 words hold (within 1.1), 21 vacuous, 4 trivial." in done.out
        (said,) = [line for line in done.out.splitlines() if line.startswith("the codes say nothing of the images")]
        assert "train longer, lower --kl-weight" in said
    assert missed.out.splitlines()[-1].startswith("bar 100: missed, the codes say nothing of the images")
    answer = program("check", "run", "--bar", "100", "--json").data
    assert (answer["passed"], answer["worst_gap_ratio"], answer["information"]["nothing"]) == (False, None, True)
    assert {word["verdict"] for word in answer["words"]} == {"vacuous", "trivial"}
    assert json.loads((trained / "check.json").read_text())["information"]["nothing"] is True


def test_a_bar_is_met_by_a_space_that_learned_something(program: Callable[..., Any], few_digits: Path) -> None:
    settings = ["--width", "4", "--dim", "8", "--learning-rate", "0.01", "--kl-weight", "0.1", "--batch-size", "20"]
    done = program("train", "run", "--data", str(few_digits), *settings, "--epochs", "100")
    assert done.code == 0, done.err
    assert "21 of 25 words hold (within 1.1), 4 trivial." in done.out
    assert "say nothing" not in done.out
    met = program("check", "run", "--bar", "1.1")
    assert (met.code, met.out.splitlines()[-1]) == (0, "bar 1.1: met")
    missed = program("check", "run", "--bar", "1.0001")
    assert missed.code == 1
    assert missed.out.splitlines()[-1].startswith("bar 1.0001: missed, ")


def test_operators_are_added_and_earlier_ones_stay_bit_for_bit(program: Callable[..., Any], trained: Path) -> None:
    from safetensors.numpy import load_file

    earlier = load_file(trained / "operators.safetensors")
    missing = program("equal", "--model", "run", "rotate(30)", "canny")
    assert missing.code == 2
    assert "augalg operators run --add" in missing.err
    for name in ("gaussian_blur", "rotate(30)", "canny"):
        added = program("operators", "run", "--add", name, "--json")
        assert added.code == 0, added.err
        (answer,) = added.data["added"]
        assert answer["fitted"]
        assert answer["gap_ratio"] > 0
        now = load_file(trained / "operators.safetensors")
        assert earlier.keys() < now.keys()
        assert all(np.array_equal(now[key], earlier[key]) for key in earlier)
        earlier = now
    shown = program("operators", "run", "--add", "canny")
    assert "as it was" in shown.out
    refused = program("operators", "run", "--fit", "ridge")
    assert (refused.code, refused.err.strip()) == (
        2,
        "error: --fit is for the operators that are added: --add AUGMENTATION",
    )


def test_two_trainings_with_one_seed_give_equal_files(program: Callable[..., Any], trained: Path) -> None:
    assert program("train", "again", *TRAIN).code == 0
    again = trained.parent / "again"
    for name in ("model.safetensors", "operators.safetensors", "check.json"):
        assert (trained / name).read_bytes() == (again / name).read_bytes(), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "r", "--data", "mnits"], "unknown data set 'mnits'; did you mean mnist?"),
        (["train", "r", "--augs", "flip_rl"], "did you mean"),
        (["train", "r", "--augs", ","], "name at least one augmentation"),
        (["train", "r", "--budget", "soon"], "'soon' is no time; write for example 90s, 10m or 1h"),
        (["train", "r", "--data", "kmnist", "--data-dir", "."], "t10k-labels-idx1-ubyte.gz into kmnist"),
        (["train", "r", "--data", "cifar10", "--data-dir", "there"], "there is no folder there"),
        (["train", "r", "--data", "cifar"], "did you mean cifar10?"),
        (["train", "r", "--kl-warmup", "2"], "--kl-warmup"),
        (["train", "r", "--learning-rate", "-1"], "--learning-rate"),
        (["train", "r", "--epochs", "1", "--kl-weight", "1e300"], "diverged: the loss is inf at step 2"),
        (["train", "r", "--fit", "representation+decode"], "Did you mean representation+decoder?"),
        (["check", "nowhere"], "nowhere"),
        (["check", "r", "--max-length", "0"], "--max-length"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line(
    program: Callable[..., Any], tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = program(*arguments, env={"COLUMNS": "200", "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_what_a_run_does_not_have_is_named(program: Callable[..., Any], trained: Path) -> None:
    for arguments, message in [
        (["check", "run", "--head", "other"], "has no head 'other'; it has main"),
        (["train", "run", *TRAIN], "there is a run in run already"),
        (["train", "run", "--resume", *TRAIN], "resume"),
        (["transfer", "run", "shear_x,canny,invert", "--mode", "relabel"], "relabel"),
        (["transfer", "run", "canny", "--learning-rate", "1e300", "--epochs", "2"], "stage 3 diverged"),
    ]:
        done = program(*arguments)
        assert (done.code, message in done.err) == (2, True), done.err
    (trained / "model.safetensors").write_bytes(b"damaged")
    damaged = program("check", "run")
    assert damaged.code == 2
    assert "model.safetensors" in damaged.err


def test_laws_that_need_other_operators_are_counted_not_listed(program: Callable[..., Any], trained: Path) -> None:
    done = program("operators", "run", "--add", "rotate_180")
    assert done.code == 0, done.err
    assert "rotate_180 = flip_lr * flip_ud: " in done.out
    assert "no operator for" not in done.out
    said = " ".join((done.out + done.err).split())
    assert "laws of rotate_180 cannot be measured here; --json says why" in said
    answer = program("operators", "run", "--add", "rotate_180", "--json")
    (added,) = answer.data["added"]
    assert any("no operator for" in law["reason"] for law in added["laws"])


def test_only_a_download_shows_its_progress(
    few_digits: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from augalg_cli import datasets

    from augalgebra.data.loading import load_data

    datasets.load(str(few_digits), None, quiet=False)
    assert tuple(capfd.readouterr()) == ("", "")

    def fetching(name: str, data_dir: Path | None, *, progress: CaseProgress, skip_broken: bool, **_: Any) -> Any:
        progress(500, 1000, "images.gz")
        progress(1000, 1000, "images.gz")
        return load_data(name, data_dir, skip_broken=skip_broken)

    monkeypatch.setattr("augalgebra.data.loading.load_data", fetching)
    datasets.load(str(few_digits), None, quiet=False)
    out, err = capfd.readouterr()
    assert (out, "images.gz" in err, "1.0/1.0 kB" in err) == ("", True, True)
    datasets.load(str(few_digits), None, quiet=True)
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "run", "--bar", "nan"],
        ["check", "run", "--bar", "inf"],
        ["check", "run", "--bar", "-1"],
        ["train", "new", "--kl-weight", "nan"],
        ["train", "new", "--learning-rate", "inf"],
        ["equal", "flip_lr", "flip_ud", "--model", "run", "--threshold", "nan"],
    ],
    ids=" ".join,
)
def test_what_is_no_number_for_people_is_refused(arguments: list[str], program: Callable[..., Any]) -> None:
    done = program(*arguments)
    assert done.code == 2
    assert f"Invalid value for '{arguments[-2]}'" in done.err


@pytest.mark.parametrize("arguments", [["train", ""], ["check", ""], ["demo", "--out", ""], ["compose", ""]], ids=str)
def test_an_empty_argument_is_not_taken_for_the_current_folder(
    arguments: list[str], program: Callable[..., Any], tmp_path: Path
) -> None:
    done = program(*arguments)
    assert (done.code, done.err) == (2, "error: an argument is empty; is a variable of the shell not set?\n")
    assert list(tmp_path.iterdir()) == []
