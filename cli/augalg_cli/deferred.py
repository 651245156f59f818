"""Commands that are listed without being imported, and groups that import the one that is called."""

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class Deferred(TyperCommand):
    """A command as its group lists it; the command itself is imported when it is called.

    Attributes:
        name: Its name.
        target: See `__init__`.
    """

    def __init__(self, name: str, target: str, *, summary: str, panel: str = "") -> None:
        """Say where a command is.

        Args:
            name: Its name.
            target: The module that defines it; behind a colon the Typer application there, if it is not ``app``.
            summary: The first paragraph of its help.
            panel: The panel of the list that it is in.
        """
        super().__init__(name, help=summary, rich_help_panel=panel or None)
        self.name: str = name
        self.target = target

    def load(self) -> Any:
        """Import the command.

        Raises:
            LookupError: There is no such command in that module.
        """
        module, _, attribute = self.target.partition(":")
        app = getattr(importlib.import_module(module), attribute or "app")
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.registered_commands = [
            info
            for info in app.registered_commands
            if self.name == (info.name or typer.main.get_command_name(info.callback.__name__))
        ]
        if not alone.registered_commands:
            raise LookupError(f"{module} has no command {self.name!r}")
        return typer.main.get_command(alone)


class DeferringGroup(TyperGroup):
    """A group whose commands may be deferred."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Deferred) else command, rest
