"""Commands of plugins, ``augalg NAME …``, asked for only when one of them is called."""

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from augalg_cli import options, streams
from augalg_cli.deferred import Deferred, DeferringGroup
from augalgebra import AugalgebraError
from augalgebra.errors import PluginError
from augalgebra.isolation import describe, is_interrupt, isolate, seconds_allowed

if TYPE_CHECKING:
    from augalgebra import CommandLine

HOOK = "augalg_commands"


class _Guarded(DeferringGroup):
    """The commands of one plugin; whatever they raise is reported under its name."""

    def load(self, command: Deferred) -> Any:
        """Import a command.

        Raises:
            PluginError: It cannot be imported.
        """
        try:
            with isolate(self.name or "", limit=seconds_allowed()):
                return super().load(command)
        except Exception as error:
            what = f"its command {command.name} does not load: {describe(error)}"
            raise PluginError(f"plugin {self.name}: {what}") from error

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            with streams.given_back():
                return super().invoke(ctx)
        except (AugalgebraError, typer.Exit, typer.Abort, BrokenPipeError, SystemExit):
            raise
        except BaseException as error:
            if hasattr(error, "exit_code") or is_interrupt(error):  # wrong usage, which Typer reports, or Ctrl-C
                raise
            raise PluginError(f"plugin {self.name}: {ctx.invoked_subcommand} failed: {describe(error)}") from error


def group_of(plugin: str) -> TyperGroup | None:
    """The commands of a plugin; None if there is no such plugin, or it has none.

    Raises:
        PluginError: It did not load, or what it says of its commands cannot be used.
    """
    catalog = options.catalog()
    for info in catalog.plugins:
        if info.name == plugin and info.status == "failed":
            raise PluginError(f"plugin {plugin} failed to load: {info.reason}")
        if info.name == plugin and info.status == "loaded" and HOOK in info.hooks:
            break
    else:
        return None
    from augalg_cli import services  # which is much, and of use only to commands

    offered: CommandLine = services
    app = typer.Typer(
        name=plugin,
        cls=_Guarded,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"obj": offered},
    )
    app.callback(help=f"Commands of the plugin {plugin}.")(_nothing)
    deferred: list[Deferred] = []

    def defer(name: str, target: str, *, summary: str, panel: str = "") -> None:
        deferred.append(Deferred(name, target, summary=summary, panel=panel))

    catalog.ask(plugin, HOOK, app=app, defer=defer)
    if not (app.registered_commands or app.registered_groups or deferred):
        raise PluginError(f"plugin {plugin}: {HOOK} adds no command; put @app.command() above a function")
    try:
        with isolate(plugin, limit=seconds_allowed()):
            group = typer.main.get_command(app)
    except Exception as error:
        raise PluginError(f"plugin {plugin}: its commands cannot be used: {describe(error)}") from error
    if not isinstance(group, TyperGroup):
        raise PluginError(f"plugin {plugin}: {HOOK} replaced the callback of its commands")
    for command in deferred:
        group.add_command(command)
    return group


def command_names(plugin: str) -> list[str]:
    """The names of a plugin's commands, as they are called.

    Raises:
        PluginError: See `group_of`.
    """
    group = group_of(plugin)
    return [] if group is None else [f"{plugin} {name}" for name in group.commands]


def _nothing() -> None:
    """Makes one command a group too, so that the second one does not change how the first is called."""
