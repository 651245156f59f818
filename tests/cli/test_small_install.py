"""What works without the heavy packages, and what the rest says."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = {"pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn"}
BLOCKER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.argv = ["augalg", *sys.argv[1:]]
from augalg_cli.app import main
main()
"""
PLUGIN = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    register("other.mirror", equals="flip_lr")(lambda x: x.flip(-1))
"""


def absent() -> set[str]:
    """Modules of all requirements that the page on installing does not name for a small image."""
    page = (ROOT / "docs/install.md").read_text()
    present = re.search(r"^pip install (lazy-loader .*)$", page, re.MULTILINE)
    assert present
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {re.split(r"\W*[<>=]", text)[0] for text in project["dependencies"]}
    assert set(present[1].split()) < required
    return {MODULES.get(name, name) for name in required - set(present[1].split())} | {"cv2", "yaml"}


def augalg(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKER.format(blocked=absent()), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--help"], "compose"),
        (["train", "--help"], "--budget"),
        (["list"], "flip_lr"),
        (["plugins", "list"], "dihedral"),
        (["explain", "AUG101"], "idempotent"),
        (["compose", "flip_lr * flip_ud * rotate_cw^2"], "normal form  id\n"),
        (["equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw^-1"], "equal: "),
        (["inverse", "rotate(30) * flip_lr"], "flip_lr * rotate(-30)\n"),
        (["route", "flip_lr", "rotate_cw"], "anti_transpose\n"),
        (["table", "flip_lr", "rotate_cw"], "D4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_words_are_reasoned_with(arguments: list[str], answer: str, tmp_path: Path) -> None:
    done = augalg(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert answer in done.stdout


@pytest.mark.parametrize("arguments", [["laws", "flip_lr"], ["train", "run"], ["demo"]], ids=" ".join)
def test_what_needs_more_names_the_package(arguments: list[str], tmp_path: Path) -> None:
    done = augalg(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(
        r"error: this needs (\w+)\S+, which is not installed; install it: pip install '\1\S+'\n", done.stderr
    )


def test_a_law_that_cannot_be_checked_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(PLUGIN)
    (tmp_path / "augalg.toml").write_text('[plugins]\nfolders = ["."]\n')
    done = augalg("compose", "mirror * flip_lr", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "normal form  mirror * flip_lr" in done.stdout
    assert "torch>=2.4, which is not installed" in " ".join((done.stdout + done.stderr).split())
