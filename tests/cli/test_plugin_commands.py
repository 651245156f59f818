"""Commands that a third party's plugin contributes through the hook that the slides use, run as a user runs them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Augalg

PLUGIN = '''
import augalgebra as aa


@aa.hookimpl
def augalg_commands(app, defer):
    """The hook."""
    defer("count", "acme_counting", summary="Count letters of a word.", panel="Arithmetic")
    defer("broken", "acme_broken", summary="Never loads.", panel="Arithmetic")
    defer("lost", "acme_counting", summary="Is not where it is said to be.")

    @app.command(rich_help_panel="Manners")
    def hello(name: str):
        """Greet somebody."""
        print("hello", name)
'''

COUNTING = '''
"""Counts letters, one after the other."""

import pathlib
import time
from typing import Annotated

import typer

import augalgebra as aa

pathlib.Path("imported").touch()
app = typer.Typer()


def complete(ctx: typer.Context, incomplete: str) -> list[str]:
    """What a shell offers."""
    return ctx.obj.complete(incomplete)


@app.command(epilog="Example:  augalg acme count flip_lr")
def count(
    ctx: typer.Context,
    word: Annotated[str, typer.Argument(autocompletion=complete)],
    most: int = 3,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Count letters of a word.

    One after the other.
    """
    cli: aa.CommandLine = ctx.obj
    letters = cli.catalog().word(word).letters
    with cli.progress("letters", quiet=as_json) as report:
        for number, letter in enumerate(letters, 1):
            report(number, len(letters), str(letter))
            time.sleep(0.2)
    if as_json:
        cli.emit_json({"letters": len(letters)})
    else:
        cli.table(["letters", "of"], [(len(letters), word)], right=[0])
    if len(letters) > most:
        cli.note("too many")
        raise typer.Exit(1)
'''


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment with the plugin, whose modules can be imported."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "acme.py").write_text(PLUGIN)
    (folder / "acme_counting.py").write_text(COUNTING)
    (folder / "acme_broken.py").write_text("import nowhere_to_be_found\n")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return {"AUGALG_PLUGINS": str(folder / "acme.py"), "PYTHONPATH": path}


def test_a_command_answers_in_text_and_in_json(augalg: Augalg, env: dict[str, str]) -> None:
    done = augalg("acme", "count", "flip_lr * flip_ud", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert [["letters", "of"], ["2", "flip_lr", "*", "flip_ud"]] == [
        line.split() for line in done.stdout.splitlines() if "─" not in line
    ]
    done = augalg("acme", "count", "flip_lr * flip_ud", "--json", env=env)
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"letters": 2}, "")


def test_exit_codes_are_those_of_every_command(augalg: Augalg, env: dict[str, str]) -> None:
    refused = augalg("acme", "count", "flip_lr", "--most", "0", env=env)
    assert (refused.returncode, refused.stderr) == (1, "too many\n")
    unknown = augalg("acme", "count", "flip_lx", env=env)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("error: ")
    assert unknown.stderr.count("\n") == 1
    assert augalg("acme", "count", env=env).returncode == 2
    misspelt = augalg("acme", "coutn", env=env)
    assert misspelt.returncode == 2
    assert "Did you mean 'count'" in misspelt.stderr


def test_help_shows_panels_and_imports_no_command(augalg: Augalg, env: dict[str, str], tmp_path: Path) -> None:
    text = augalg("acme", "--help", env=env).stdout
    panels = {part.split(" ─")[0]: part for part in text.split("╭─ ")[1:]}
    assert {"Options", "Arithmetic", "Manners", "Commands"} == panels.keys()
    assert "Count letters of a word." in panels["Arithmetic"]
    assert "Greet somebody." in panels["Manners"]
    assert not (tmp_path / "imported").exists()
    own = augalg("acme", "count", "--help", env=env).stdout
    assert "One after the other." in own
    assert "Example:" in own
    assert (tmp_path / "imported").exists()
    assert augalg("acme", "hello", "you", env=env).stdout == "hello you\n"
    assert "acme: commands acme hello, acme count, acme broken, acme lost" in augalg("plugins", "trace", env=env).stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("augalg acme c", {"count"}),
        ("augalg acme count flip_l", {"flip_lr"}),
        ("augalg acme count 'rotate_cw * flip_", {"rotate_cw * flip_lr", "rotate_cw * flip_ud"}),
    ],
)
def test_a_shell_completes(augalg: Augalg, env: dict[str, str], typed: str, offered: set[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": "3" if "count" in typed else "2"}
    done = augalg(env=env | {"_AUGALG_COMPLETE": "complete_bash", **words})
    assert set(done.stdout.splitlines()) == offered, done


def test_progress_is_shown_to_somebody_who_looks(env: dict[str, str], tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    program = Path(sys.executable).with_name("augalg")
    done = subprocess.run(
        [program, "acme", "count", "flip_lr * rotate_cw"],
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | env | {"COLUMNS": "80", "TERM": "xterm"},
    )
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert done.returncode == 0, shown
    assert "2/2" in shown
    assert "rotate_cw" in shown


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("broken", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("lost", "LookupError: acme_counting has no command 'lost'"),
    ],
)
def test_a_command_that_does_not_load_is_told_and_harms_nothing_else(
    augalg: Augalg, env: dict[str, str], command: str, told: str
) -> None:
    done = augalg("acme", command, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: plugin acme: its command {command} does not load: {told}\n"
    for arguments in (["--help"], ["acme", "--help"], ["acme", "hello", "you"], ["equal", "flip_lr", "flip_lr"]):
        assert augalg(*arguments, env=env).returncode == 0


@pytest.mark.parametrize("name", ["advise", "compare", "fractions", "geometry", "reproduce", "sweep", "synthetic"])
def test_a_command_that_moved_says_where(augalg: Augalg, name: str) -> None:
    done = augalg(name, "--quick")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: 'augalg {name}' moved; it is 'augalg slides {name}' now\n"
    assert augalg("slides", name, "--help").returncode == 0
