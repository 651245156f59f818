"""Starting up stays light: commands that need no tensors load no tensor library."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "albumentations", "cv2", "sklearn", "matplotlib", "scipy", "numpy"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["demo", "--help"],
        ["list"],
        ["plugins", "list"],
        ["plugins", "lint", "dihedral"],
        ["plugins", "trace"],
        ["explain", "AUG101"],
        ["compose", "flip_lr * flip_ud * rotate_cw^2"],
        ["compose", "rotate(30) * flip_lr * rotate(30)", "--json"],
        ["equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw^-1"],
        ["inverse", "rotate_cw * flip_lr"],
        ["route", "flip_lr", "rotate_cw"],
        ["table", "flip_lr", "rotate_cw"],
    ],
    ids=" ".join,
)
def test_no_heavy_package_is_loaded(arguments: list[str], tmp_path: Path) -> None:
    heavy = HEAVY - {"numpy"} if arguments[0] == "table" else HEAVY  # the name of a group is read off an array
    code = (
        f"import sys; sys.argv = ['augalg', *{arguments!r}]\n"
        "from augalg_cli.app import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"loaded = {heavy!r} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
