"""``augalg plugins lint``, ``plugins trace``, ``explain``, and the commands of plugins, as a user runs them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Augalg = Callable[..., Any]

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
    augalg: Augalg, tmp_path: Path, more: str, strict: list[str], code: int, shown: str
) -> None:
    done = augalg("plugins", "lint", "acme", *strict, env=plant(tmp_path, more))
    assert code == done.returncode, done.stderr
    assert shown in done.stdout


def test_lint_as_json_is_everything(augalg: Augalg, tmp_path: Path) -> None:
    done = augalg("plugins", "lint", "acme", "--json", env=plant(tmp_path, "period=4"))
    answer = json.loads(done.stdout)
    assert (1, 1, False) == (done.returncode, answer["errors"], answer["passed"])
    assert ["AUG102"] == [item["code"] for item in answer["findings"] if item["severity"] == "error"]
    assert len(answer["findings"]) == answer["errors"] + answer["warnings"] + answer["notes"]


def test_lint_of_everything_finds_what_one_plugin_has(augalg: Augalg, tmp_path: Path) -> None:
    done = augalg("plugins", "lint", env=plant(tmp_path, "period=4"))
    assert (1, ["AUG102"]) == (done.returncode, [line[:6] for line in done.stdout.splitlines() if line[:3] == "AUG"])
    assert "1 error, 0 warnings\n" in done.stdout


def test_lint_names_an_unknown_plugin(augalg: Augalg) -> None:
    done = augalg("plugins", "lint", "dihedra")
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("error: unknown plugin 'dihedra'; did you mean dihedral?")


def test_explain_tells_what_a_code_means(augalg: Augalg) -> None:
    done = augalg("explain", "aug101")
    assert 0 == done.returncode
    assert "AUG101 (error): proved to be the identity" in done.stdout
    assert "How to mend it:" in done.stdout
    everything = json.loads(augalg("explain", "--json").stdout)["codes"]
    assert "AUG101" in [item["code"] for item in everything]
    unknown = augalg("explain", "AUG109")
    assert (2, 1) == (unknown.returncode, unknown.stderr.count("\n"))
    assert "did you mean AUG10" in unknown.stderr


def test_trace_tells_how_long_a_failure_took(augalg: Augalg, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.2)\nraise RuntimeError('too late')\n")
    answer = json.loads(augalg("plugins", "trace", "--json", env={"AUGALG_PLUGINS": str(tmp_path / "slow.py")}).stdout)
    (slow,) = [item for item in answer["plugins"] if item["plugin"] == "slow"]
    assert ("failed", "RuntimeError: too late") == (slow["status"], slow["reason"])
    assert slow["import_seconds"] >= 0.2


def test_trace_shows_who_answered_what(augalg: Augalg, tmp_path: Path) -> None:
    env = plant(tmp_path)
    done = augalg("plugins", "trace", env=env)
    assert 0 == done.returncode, done.stderr
    assert "acme: commands acme hello" in done.stdout
    answer = json.loads(augalg("plugins", "trace", "--json", env=env).stdout)
    seconds = [item["seconds"] for item in answer["plugins"]]
    assert sorted(seconds, reverse=True) == seconds
    (acme,) = [item for item in answer["plugins"] if item["plugin"] == "acme"]
    given = {item["hook"]: item["given"] for item in acme["answers"]}
    assert ["acme.flip"] == given["augalg_register"]
    assert ["acme hello"] == given["augalg_commands"]
    assert 1 == len(given["augalg_laws"])


def test_info_shows_laws_about_others(augalg: Augalg, tmp_path: Path) -> None:
    done = augalg("plugins", "info", "acme", env=plant(tmp_path))
    law = "flip * flip_ud = flip_ud * flip  (not checked, and used only once it is)"
    assert f"further laws:\n  {law}\n" in done.stdout


def test_a_plugin_adds_commands(augalg: Augalg, tmp_path: Path) -> None:
    env = plant(tmp_path)
    assert "hello you\n" == augalg("acme", "hello", "you", env=env).stdout
    help_text = augalg("acme", "--help", env=env).stdout
    assert "Commands of the plugin acme." in help_text
    assert "Greet somebody." in help_text
    assert 2 == augalg("acme", "hello", env=env).returncode
    failed = augalg("acme", "hello", "nobody", env=env)
    assert (2, "error: plugin acme: hello failed: ValueError: there is nobody\n") == (failed.returncode, failed.stderr)


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
    augalg: Augalg, tmp_path: Path, refuse: str, message: str
) -> None:
    env = plant(tmp_path, refuse=refuse)
    done = augalg("acme", "hello", "you", env=env)
    assert 2 == done.returncode
    assert message in done.stderr
    assert 1 == done.stderr.count("\n")
    assert 0 == augalg("equal", "flip_lr", "flip_lr", env=env).returncode
    traced = augalg("plugins", "trace", env=env)
    assert 0 == traced.returncode
    assert message in traced.stdout


def test_help_asks_no_plugin(augalg: Augalg, tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text("import pathlib\npathlib.Path('imported').touch()\n")
    env = {"AUGALG_PLUGINS": str(tmp_path / "acme.py")}
    assert 0 == augalg("--help", env=env).returncode
    assert not (tmp_path / "imported").exists()
    failed = augalg("acme", "hello", env=env)
    assert "error: plugin acme failed to load: implements no hook" in failed.stderr
    assert (tmp_path / "imported").exists()


def test_a_misspelt_command_is_still_one(augalg: Augalg) -> None:
    done = augalg("composse", "flip_lr")
    assert 2 == done.returncode
    assert "No such command 'composse'" in done.stderr
    assert "compose" in done.stderr
