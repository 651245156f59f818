"""The experiments of the slides on composable latent augmentation: ``augalg slides``, and a decoder for heads."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import nn


@aa.hookimpl
def augalg_commands(app: object, defer: aa.Defer) -> None:  # noqa: ARG001 - every command is deferred
    """List the commands; they are imported when they are called."""
    from augalg_slides.commands import COMMANDS

    for panel, commands in COMMANDS.items():
        for name, (module, summary) in commands.items():
            defer(name, f"augalg_slides.commands.{module}", summary=summary, panel=panel)


@aa.hookimpl
def augalg_heads() -> "Mapping[str, Callable[[tuple[int, int, int], int], nn.Module]]":
    """Offer ``slides.deep``: a decoder with one layer more in each part than that of the slides."""
    return {"slides.deep": _deep}


def _deep(image_shape: tuple[int, int, int], dim: int) -> "nn.Module":
    from augalgebra.latent import DeepDecoder  # with torch, which listing decoders needs not

    return DeepDecoder(image_shape, dim)
