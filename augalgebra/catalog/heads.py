"""Decoders for new heads that plugins offer, by name."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from augalgebra.catalog.catalog import Catalog
from augalgebra.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn


def head_factory(catalog: Catalog, name: str) -> "Callable[[tuple[int, int, int], int], nn.Module]":
    """The decoder that a plugin offers under a name: image shape and latent dimension to a module.

    Raises:
        UnknownNameError: No plugin offers it; the message suggests the nearest, and tells of plugins that failed to
            answer.
        PluginError: Several plugins do.
    """
    offers: dict[str, dict[str, Callable[[tuple[int, int, int], int], nn.Module]]] = {}
    problems: list[str] = []
    for plugin in catalog.managers:
        try:
            offers[plugin] = offered_heads(catalog, plugin)
        except PluginError as error:
            problems.append(str(error))
    holders = [plugin for plugin, offered in offers.items() if name in offered]
    if len(holders) > 1:
        raise PluginError(f"the decoder {name!r} is offered by plugins {' and '.join(holders)}; disable one of them")
    if holders:
        return offers[holders[0]][name]
    known = [key for offered in offers.values() for key in offered]
    hint = f"(plugins offer {', '.join(known) or 'none'})"
    raise UnknownNameError("decoder", name, known, "; ".join([hint, *problems]))


def offered_heads(catalog: Catalog, plugin: str) -> "dict[str, Callable[[tuple[int, int, int], int], nn.Module]]":
    """The decoders that one plugin offers.

    Raises:
        PluginError: It fails to say, or says something else.
    """
    found: dict[str, Callable[[tuple[int, int, int], int], nn.Module]] = {}
    for answer in catalog.ask(plugin, "augalg_heads"):
        if not isinstance(answer, Mapping) or not all(
            isinstance(name, str) and callable(make) for name, make in answer.items()
        ):
            raise PluginError(
                f"plugin {plugin}: augalg_heads returns functions by name, such as {{'acme.linear': linear}}, "
                f"not {answer!r}"
            )
        found.update(answer)
    return found
