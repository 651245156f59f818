"""Pipelines and examples that plugins answer for."""

from collections.abc import Iterable
from typing import Any

from augalgebra.catalog.catalog import Catalog
from augalgebra.errors import AugalgebraError, PluginError, UnknownNameError
from augalgebra.hooks import PipelineStep


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
        for answer in _asked(catalog, plugin, "augalg_pipeline", source=source):
            steps = tuple(answer)
            wrong = next((step for step in steps if not isinstance(step, PipelineStep)), None)
            if wrong is not None:
                raise PluginError(
                    f"plugin {plugin} answered {wrong!r} as a step of a pipeline; it must be PipelineStep"
                )
            return steps
    return None


def examples_of(catalog: Catalog, plugin: str) -> tuple[str, ...]:
    """The words that a plugin gives as examples of what it offers.

    Raises:
        UnknownNameError: There is no such plugin.
        PluginError: The plugin failed.
        AugalgebraError: It gives no examples.
    """
    if plugin not in catalog.managers:
        raise UnknownNameError("plugin", plugin, catalog.managers, "('augalg plugins list' shows all)")
    words = tuple(word for answer in _asked(catalog, plugin, "augalg_examples") for word in answer)
    if not words:
        raise AugalgebraError(f"plugin {plugin} gives no examples; name augmentations instead")
    return words


def _asked(catalog: Catalog, plugin: str, hook: str, **arguments: str) -> Iterable[Any]:
    try:
        answers = getattr(catalog.managers[plugin].hook, hook)(**arguments)
        return [answer for answer in answers if answer is not None]
    except AugalgebraError:
        raise
    except Exception as error:  # whatever a plugin raises is reported under its name
        raise PluginError(f"plugin {plugin} failed in {hook}: {type(error).__name__}: {error}") from error
