"""Starting up stays light: commands load what they need, and no tensor library where they need no tensors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from augalg_cli.commands import words

HEAVY = {"torch", "albumentations", "kornia", "cv2", "sklearn", "matplotlib", "scipy", "numpy"}
SLOW = HEAVY | {"rich.markdown", "markdown_it", "pygments", "pydantic", "email", "importlib.metadata", "hashlib"}
"""What a short answer does without."""


def loaded_by(arguments: list[str], packages: set[str], folder: Path) -> set[str]:
    """Which of some packages a call of the program imports."""
    code = (
        f"import sys; sys.argv = ['augalg', *{arguments!r}]\n"
        "from augalg_cli.app import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print(*({packages!r} & set(sys.modules)), sep='\\n', file=sys.stderr)\n"
    )
    cache = folder.with_name(f"{folder.name}-cache")  # not in a folder that Python imports from
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split()) & packages


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
    assert not loaded_by(arguments, heavy, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["plugins", "--help"],
        ["train", "--help"],
        ["compose", "flip_lr * flip_ud"],
        ["inverse", "rotate_cw * flip_lr"],
        ["route", "flip_lr", "rotate_cw", "--json"],
    ],
    ids=" ".join,
)
def test_a_short_answer_loads_nothing_slow(arguments: list[str], tmp_path: Path) -> None:
    loaded_by(arguments, SLOW, tmp_path)  # the first time, what is installed is looked up
    assert not loaded_by(arguments, SLOW, tmp_path)


def test_only_the_command_that_is_called_is_imported(tmp_path: Path) -> None:
    commands = {f"augalg_cli.commands.{path.stem}" for path in Path(words.__file__).parent.glob("[a-z]*.py")}
    slides = {"augalg_slides", "augalg_slides.commands", "augalg_slides.commands.geometry"}
    assert not loaded_by(["--help"], commands | slides, tmp_path)
    # the plugin of the slides is loaded for the laws that it might have, and nothing of what it is for
    assert loaded_by(["compose", "flip_lr"], commands | slides, tmp_path) == {words.__name__, "augalg_slides"}
    assert loaded_by(["slides", "--help"], commands | slides, tmp_path) == {"augalg_slides", "augalg_slides.commands"}


def test_help_still_shows_what_needs_markdown_and_tracebacks() -> None:
    code = (
        "from augalg_cli import deferred; deferred._import_help_pages()\n"
        "from typer import rich_utils; import sys\n"
        "assert 'rich.markdown' not in sys.modules and 'rich.traceback' not in sys.modules\n"
        "page = rich_utils._make_rich_text(text='# Title', markup_mode='markdown')\n"
        "from rich.markdown import Markdown; assert type(page) is Markdown\n"
        "from rich.traceback import Traceback\n"
        "try:\n    1 / 0\n"
        "except ZeroDivisionError as error:\n"
        "    shown = rich_utils.Traceback.from_exception(type(error), error, error.__traceback__)\n"
        "assert type(shown) is Traceback\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
