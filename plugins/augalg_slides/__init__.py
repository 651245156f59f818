"""The experiments of the slides on composable latent augmentation: ``augalg slides``."""

import augalgebra as aa


@aa.hookimpl
def augalg_commands(app: object, defer: aa.Defer) -> None:  # noqa: ARG001 - every command is deferred
    """List the commands; they are imported when they are called."""
    from augalg_slides.commands import COMMANDS

    for panel, commands in COMMANDS.items():
        for name, (module, summary) in commands.items():
            defer(name, f"augalg_slides.commands.{module}", summary=summary, panel=panel)
