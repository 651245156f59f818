"""``augalg plugins lint``, ``plugins trace``, ``explain``, and the commands of plugins, as a user runs them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., Any]

ACME = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("acme.flip", inverse="self", {more})
    def flip(x):
        '''Turn it round.'''
        return x.flip(-1)

@aa.hookimpl
def augalg_laws():
    return ["acme.flip * flip_ud = flip_ud * acme.flip"]

@aa.hookimpl
def augalg_commands(app):
    {refuse}
    @app.command()
    def hello(name: str):
        "Greet somebody."
        if name == "nobody":
            raise ValueError("there is\\nnobody")
        print(f"hello {{name}}")
"""


def plant(folder: Path, more: str = "", refuse: str = "") -> dict[str, str]:
    (folder / "acme.py").write_text(ACME.format(more=more, refuse=refuse))
    return {"AUGALG_PLUGINS": str(folder / "acme.py")}


@pytest.mark.parametrize(
    ("more", "strict", "code", "shown"),
    [
        ("", [], 0, "0 errors, 0 warnings"),
        ("period=4", [], 1, "AUG102 error: acme.flip: declared with period 4, but its period is 2"),
        ("commutes_with=['acme.flip']", [], 0, "AUG108 warning"),
        ("commutes_with=['acme.flip']", ["--strict"], 1, "AUG108 warning"),
    ],
)
def test_lint_says_no_by_its_exit_code(
    program: Program, tmp_path: Path, more: str, strict: list[str], code: int, shown: str
) -> None:
    done = program("plugins", "lint", "acme", *strict, env=plant(tmp_path, more))
    assert code == done.code, done.err
    assert shown in done.out


def test_lint_as_json_is_everything(program: Program, tmp_path: Path) -> None:
    done = program("plugins", "lint", "acme", "--json", env=plant(tmp_path, "period=4"))
    answer = done.data
    assert (1, 1, False) == (done.code, answer["errors"], answer["passed"])
    assert ["AUG102"] == [item["code"] for item in answer["findings"] if item["severity"] == "error"]
    assert len(answer["findings"]) == answer["errors"] + answer["warnings"] + answer["notes"]


def test_lint_of_everything_finds_what_one_plugin_has(program: Program, tmp_path: Path) -> None:
    done = program("plugins", "lint", env=plant(tmp_path, "period=4"))
    assert (1, ["AUG102"]) == (done.code, [line[:6] for line in done.out.splitlines() if line[:3] == "AUG"])
    assert "1 error, 0 warnings\n" in done.out


def test_lint_names_an_unknown_plugin(program: Program) -> None:
    done = program("plugins", "lint", "dihedra")
    assert (2, "") == (done.code, done.out)
    assert done.err.startswith("error: unknown plugin 'dihedra'; did you mean dihedral?")


def test_explain_tells_what_a_code_means(program: Program) -> None:
    done = program("explain", "aug101")
    assert 0 == done.code
    assert "AUG101 (error): proved to be the identity" in done.out
    assert "How to mend it:" in done.out
    everything = program("explain", "--json").data["codes"]
    assert "AUG101" in [item["code"] for item in everything]
    unknown = program("explain", "AUG109")
    assert (2, 1) == (unknown.code, unknown.err.count("\n"))
    assert "did you mean AUG10" in unknown.err


def test_trace_tells_how_long_a_failure_took(program: Program, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.2)\nraise RuntimeError('too late')\n")
    answer = program("plugins", "trace", "--json", env={"AUGALG_PLUGINS": str(tmp_path / "slow.py")}).data
    (slow,) = [item for item in answer["plugins"] if item["plugin"] == "slow"]
    assert ("failed", "RuntimeError: too late") == (slow["status"], slow["reason"])
    assert slow["import_seconds"] >= 0.2


def test_trace_shows_who_answered_what(program: Program, tmp_path: Path) -> None:
    env = plant(tmp_path)
    done = program("plugins", "trace", env=env)
    assert 0 == done.code, done.err
    assert "acme: commands acme hello" in done.out
    answer = program("plugins", "trace", "--json", env=env).data
    seconds = [item["seconds"] for item in answer["plugins"]]
    assert sorted(seconds, reverse=True) == seconds
    (acme,) = [item for item in answer["plugins"] if item["plugin"] == "acme"]
    given = {item["hook"]: item["given"] for item in acme["answers"]}
    assert ["acme.flip"] == given["augalg_register"]
    assert ["acme hello"] == given["augalg_commands"]
    assert 1 == len(given["augalg_laws"])


def test_info_shows_laws_about_others(program: Program, tmp_path: Path) -> None:
    done = program("plugins", "info", "acme", env=plant(tmp_path))
    law = "flip * flip_ud = flip_ud * flip  (not checked, and used only once it is)"
    assert f"further laws:\n  {law}\n" in done.out


def test_a_plugin_adds_commands(program: Program, tmp_path: Path) -> None:
    env = plant(tmp_path)
    assert "hello you\n" == program("acme", "hello", "you", env=env).out
    help_text = program("acme", "--help", env=env).out
    assert "Commands of the plugin acme." in help_text
    assert "Greet somebody." in help_text
    assert 2 == program("acme", "hello", env=env).code
    failed = program("acme", "hello", "nobody", env=env)
    assert (2, "error: plugin acme: hello failed: ValueError: there is nobody\n") == (failed.code, failed.err)


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        (
            "raise RuntimeError('no terminal')",
            "plugin acme failed to answer augalg_commands: RuntimeError: no terminal",
        ),
        ("return", "plugin acme: augalg_commands adds no command"),
    ],
)
def test_commands_that_cannot_be_had_harm_nothing_else(
    program: Program, tmp_path: Path, refuse: str, message: str
) -> None:
    env = plant(tmp_path, refuse=refuse)
    done = program("acme", "hello", "you", env=env)
    assert 2 == done.code
    assert message in done.err
    assert 1 == done.err.count("\n")
    assert 0 == program("equal", "flip_lr", "flip_lr", env=env).code
    traced = program("plugins", "trace", env=env)
    assert 0 == traced.code
    assert message in traced.out


def test_help_asks_no_plugin(program: Program, tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text("import pathlib\npathlib.Path('imported').touch()\n")
    env = {"AUGALG_PLUGINS": str(tmp_path / "acme.py")}
    assert 0 == program("--help", env=env).code
    assert not (tmp_path / "imported").exists()
    failed = program("acme", "hello", env=env)
    assert "error: plugin acme failed to load: implements no hook" in failed.err
    assert (tmp_path / "imported").exists()


def test_a_misspelt_command_is_still_one(program: Program) -> None:
    done = program("composse", "flip_lr")
    assert 2 == done.code
    assert "No such command 'composse'" in done.err
    assert "compose" in done.err
