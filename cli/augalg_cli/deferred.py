"""Commands that are listed without being imported, and groups that import the one that is called."""

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup


class _Later(type):
    """A class of another package that is imported when it is first used; until then it only has a name."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """An instance of it."""
        return cls._imported()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._imported(), name)

    def _imported(cls) -> Any:
        return getattr(importlib.import_module(cls.__module__), cls.__name__)


def _import_help_pages() -> None:
    """Import what Typer makes help pages with, but for the readers of Markdown and code, which ours do not need."""
    held = {module: sys.modules.get(module) for module in ("rich.markdown", "rich.traceback")}
    for module, name in (("rich.markdown", "Markdown"), ("rich.traceback", "Traceback")):
        if held[module] is None:
            stand_in = ModuleType(module)
            setattr(stand_in, name, _Later(name, (), {"__module__": module}))
            sys.modules[module] = stand_in
    try:
        importlib.import_module("typer.rich_utils")
    finally:
        for module, real in held.items():
            if real is None:
                del sys.modules[module]


class _Sparing:
    """A command that spares Typer imports which take longer than most answers.

    Typer converts only those values that are not of the right type yet: converting anything, be it text to text, makes
    it import pydantic. Help pages are made without what reads Markdown and highlights code.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        _import_help_pages()
        super().format_help(ctx, formatter)  # type: ignore[misc]  # a mixin of commands

    def get_params(self, ctx: Any) -> Any:
        """The parameters, ``--help`` among them."""
        parameters = super().get_params(ctx)  # type: ignore[misc]  # a mixin of commands
        for parameter in parameters:
            build = getattr(parameter, "get_runtime_param", None)  # other versions of Typer convert by themselves
            if build is not None and "get_runtime_param" not in vars(parameter):
                parameter.get_runtime_param = functools.partial(_Converter, build)
        return parameters


class _Converter:
    """What Typer asks to convert a value; it builds Typer's own only for values that need it."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value, converted if need be."""
        kind, parser = param.type_descriptor.annotation, param.type_descriptor.parameter_info.parser
        if param.multiple or param.nargs == -1:
            if value is None or value == ():
                return ()
        elif value is None or (parser is None and (type(value) is kind or value in get_args(kind))):
            return value
        return self._build().coerce(value, param=param, ctx=ctx)


class _Command(_Sparing, TyperCommand):
    """A command that was deferred."""


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
        for info in app.registered_commands:
            if self.name == (info.name or typer.main.get_command_name(info.callback.__name__)):
                if info.cls is TyperCommand:
                    info.cls = _Command
                alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
                alone.registered_commands = [info]
                return typer.main.get_command(alone)
        raise LookupError(f"{module} has no command {self.name!r}")


class DeferringGroup(_Sparing, TyperGroup):
    """A group whose commands may be deferred."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(command) if isinstance(command, Deferred) else command, rest

    def load(self, command: Deferred) -> Any:
        """Import a command."""
        return command.load()
