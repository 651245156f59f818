"""What plugins offer besides augmentations: decoders of new heads, pipelines that they read, examples."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.plugin import PluginInfo
from augalgebra.errors import AugalgebraError, PluginError, UnknownNameError
from augalgebra.hooks import PipelineStep

if TYPE_CHECKING:
    from torch import nn


def head_factory(catalog: Catalog, name: str) -> "Callable[[tuple[int, int, int], int], nn.Module]":
    """The decoder that a plugin offers under a name: image shape and latent dimension to a module.

    Raises:
        AugalgebraError: As `find_head`.
    """
    return find_head(catalog, name)[1]


def find_head(catalog: Catalog, name: str) -> "tuple[PluginInfo, Callable[[tuple[int, int, int], int], nn.Module]]":
    """The plugin that offers a decoder under a name, and what makes it: see `head_factory`.

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
        (plugin,) = holders
        return next(info for info in catalog.plugins if info.name == plugin), offers[plugin][name]
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


def read_pipeline(catalog: Catalog, source: str) -> tuple[PipelineStep, ...] | None:
    """The steps of a pipeline that some plugin knows how to read; None if none of them does.

    Args:
        catalog: Its plugins are asked, in the order of their names.
        source: What a user typed: a path, or text in the form that a plugin has chosen.

    Raises:
        AugalgebraError: A plugin knows this kind of pipeline, but cannot read this one.
        PluginError: A plugin failed, or answered something else than steps.
    """
    for plugin in sorted(catalog.managers):
        for answer in catalog.ask(plugin, "augalg_pipeline", source=source):
            steps = tuple(answer)
            wrong = next((step for step in steps if not isinstance(step, PipelineStep)), None)
            if wrong is not None:
                raise PluginError(
                    f"plugin {plugin} answered {wrong!r} as a step of a pipeline; it must be PipelineStep"
                )
            return steps
    return None


def export_pipeline(catalog: Catalog, pipeline: object, file: str) -> str:
    """The text of a file that holds a reduced pipeline in somebody else's form.

    Args:
        catalog: Its plugins are asked, in the order of their names.
        pipeline: The pipeline, as `augalgebra.Pipeline.fuse` gives it.
        file: The name of the file, which says what form it has.

    Raises:
        AugalgebraError: No plugin writes such files, or a stage has no counterpart there.
        PluginError: A plugin failed, or answered something else than text.
    """
    for plugin in sorted(catalog.managers):
        for answer in catalog.ask(plugin, "augalg_export", pipeline=pipeline, file=file):
            if not isinstance(answer, str):
                raise PluginError(f"plugin {plugin}: augalg_export returns text or None, not {answer!r}")
            return answer
    raise AugalgebraError(f"no plugin writes a pipeline to {file!r}; albumentations writes to .json")


def examples_of(catalog: Catalog, plugin: str) -> tuple[str, ...]:
    """The words that a plugin gives as examples of what it offers.

    Raises:
        UnknownNameError: There is no such plugin.
        PluginError: The plugin failed.
        AugalgebraError: It gives no examples.
    """
    if plugin not in catalog.managers:
        raise UnknownNameError("plugin", plugin, catalog.managers, "('augalg plugins list' shows all)")
    words = tuple(word for answer in catalog.ask(plugin, "augalg_examples") for word in answer)
    if not words:
        raise AugalgebraError(f"plugin {plugin} gives no examples; name augmentations instead")
    return words
