"""The commands as they are listed are the commands as they are."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from augalg_cli import app, commands
from augalg_cli.deferred import Deferred, DeferringGroup
from conftest import Augalg


def deferred() -> Iterator[Deferred]:
    """Every command of the program."""
    for command in app.program().commands.values():
        group = command.commands.values() if isinstance(command, DeferringGroup) else [command]
        yield from (item for item in group if isinstance(item, Deferred))


@pytest.mark.parametrize("listed", list(deferred()), ids=lambda item: f"{item.target}-{item.name}")
def test_a_command_is_listed_as_it_is(listed: Deferred) -> None:
    real = listed.load()
    assert real.name == listed.name
    assert inspect.cleandoc(real.help).split("\n\n")[0] == listed.help


def test_every_command_is_listed() -> None:
    defined = set()
    for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
        for name in ("app", "plugins_app"):
            typer_app = getattr(importlib.import_module(module.name), name, None)
            for info in typer_app.registered_commands if typer_app else ():
                defined.add((module.name, name, info.name or info.callback.__name__))
    listed = set()
    for item in deferred():
        module_name, _, attribute = item.target.partition(":")
        listed.add((module_name, attribute or "app", item.name))
    assert defined == listed


def test_a_command_that_is_not_where_it_is_said_to_be_is_told() -> None:
    with pytest.raises(LookupError, match=r"augalg_cli\.commands\.words has no command 'nothing'"):
        Deferred("nothing", "augalg_cli.commands.words", summary="").load()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("augalg inv", {"inverse", "invert"}),
        ("augalg plugins l", {"list", "lint"}),
        ("augalg inverse --side ", {"two-sided", "left", "right"}),
        ("augalg compose --im", {"--images"}),
        ("augalg compose flip_", {"flip_lr", "flip_ud"}),
        ("augalg compose 'rotate_cw * flip_", {"rotate_cw * flip_lr", "rotate_cw * flip_ud"}),
    ],
)
def test_a_shell_completes(augalg: Augalg, typed: str, offered: set[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split("'")[0].split(" ")) - 1)}
    done = augalg(env={"_AUGALG_COMPLETE": "complete_bash", **words})
    assert set(done.stdout.splitlines()) == offered, done
