"""What is wrong with plugins, found without applying anything to an image."""

import inspect
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction

from augalgebra.augmentation import Augmentation
from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.lint import source_code
from augalgebra.catalog.lint.contradictions import Contradictions
from augalgebra.catalog.lint.findings import Finding, finding
from augalgebra.catalog.plugin import PluginInfo
from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.parameters import Param

__all__ = ["Finding", "lint"]


def lint(catalog: Catalog, plugins: Collection[str] | None = None, *, notes: bool = True) -> tuple[Finding, ...]:
    """Look for what is wrong with plugins; nothing is applied to an image, and no tensor library is needed.

    Contradictions are looked for with the laws of all plugins at hand. Where laws of several plugins contradict each
    other, the finding goes to the plugin that speaks of the other's augmentations.

    Args:
        catalog: The catalog they were loaded into.
        plugins: Names of the plugins to look at; all that are there by default.
        notes: Whether to look for what is fine but worth knowing, too; which laws follow from others takes longest.

    Returns:
        The findings, by plugin and then by code.

    Raises:
        UnknownNameError: There is no such plugin.

    Examples:
        >>> from augalgebra import load_catalog
        >>> [found.code for found in lint(load_catalog(), ["dihedral"]) if found.severity == "error"]
        []
    """
    known = [info.name for info in catalog.plugins]
    for name in plugins or ():
        if name not in known:
            raise UnknownNameError("plugin", name, known, "('augalg plugins list' shows all)")
    wanted = [info for info in catalog.plugins if plugins is None or info.name in set(plugins)]
    names = [info.name for info in wanted]
    found: list[Finding] = []
    for info in wanted:
        found.extend(_of_plugin(catalog, info))
    short = Counter(augmentation.short_name for augmentation in catalog.augmentations.values())
    by_name = {info.name: info for info in wanted}
    for augmentation in catalog.augmentations.values():
        if augmentation.plugin in by_name:
            found.extend(_names(augmentation, by_name[augmentation.plugin], set(known), short))
            found.extend(_parameters(augmentation))
            found.extend(_function(augmentation))
            found.extend(_described(catalog, augmentation))
    found.extend(_dangling(catalog, set(names), set(known)))
    contradictions = Contradictions(catalog, names)
    found.extend(contradictions.findings())
    if notes:
        found.extend(contradictions.redundant())
    else:
        found = [item for item in found if item.severity != "note"]
    order = {name: index for index, name in enumerate(names)}
    return tuple(sorted(dict.fromkeys(found), key=lambda item: (order[item.plugin], item.code)))


def _of_plugin(catalog: Catalog, info: PluginInfo) -> Iterator[Finding]:
    if info.status == "failed":
        yield finding("AUG001", info.name, info.name, info.reason)
    manager = catalog.managers.get(info.name)
    for plugin in manager.get_plugins() if manager is not None else ():
        for package in source_code.heavy_imports(plugin):
            yield finding("AUG305", info.name, info.name, f"imports {package} at module level")


def _names(
    augmentation: Augmentation, info: PluginInfo, plugins: Collection[str], short: Counter[str]
) -> Iterator[Finding]:
    name, plugin = augmentation.name, augmentation.plugin
    namespace = name.split(".", 1)[0]
    written = augmentation.declared.get("name", name)
    if "." not in str(written) and not info.distribution:
        yield finding("AUG203", plugin, name, f"registered as {written!r}; its namespace is the name of {info.source}")
    if namespace != plugin and namespace in plugins:
        yield finding("AUG204", plugin, name, f"{namespace!r} is the name of another plugin")
    if short[augmentation.short_name] > 1:
        yield finding("AUG205", plugin, name, f"{augmentation.short_name!r} is the last part of other names too")


def _parameters(augmentation: Augmentation) -> Iterator[Finding]:
    for param in augmentation.params:
        problem = _out_of_range(param)
        if problem:
            yield finding("AUG303", augmentation.plugin, augmentation.name, f"{param.name}: {problem}")
        if param.draw is None and param.low is None and param.high is None and _needs_range(augmentation, param):
            yield finding("AUG302", augmentation.plugin, augmentation.name, f"{param.name} has no range")


def _needs_range(augmentation: Augmentation, param: Param) -> bool:
    """Whether it is a number, as far as one can tell, that does not add up (and so may be any)."""
    if isinstance(param.default, str | bool | tuple | None):
        return False
    # a function that answers a name lazily need not have its parameters one by one
    parameter = inspect.signature(augmentation.function).parameters.get(param.name)
    annotation = "" if parameter is None else str(parameter.annotation)
    additive = augmentation.declared.get("additive")
    names = additive if isinstance(additive, list | tuple) else [additive]
    return "str" not in annotation and param.name not in names


def _out_of_range(param: Param) -> str:
    low = float("-inf") if param.low is None else param.low
    high = float("inf") if param.high is None else param.high
    if low > high:
        return f"the range [{low:g}, {high:g}] is empty"
    if param.whole and param.low is not None and math.ceil(param.low) > high:
        return f"no whole number lies in [{low:g}, {high:g}]"
    default = param.default
    if isinstance(default, int | float | Fraction) and not isinstance(default, bool):
        if not low <= default <= high:
            return f"the default {float(default):g} is outside [{low:g}, {high:g}]"
        if param.whole and default % 1:
            return f"the default {float(default):g} is not a whole number"
    if param.draw is None:
        return ""
    values = param.draw.values
    drawn_whole = param.draw.kind == "integers" or (
        param.draw.kind == "choice" and not any(item % 1 for item in values)
    )
    if param.whole and not drawn_whole:
        return f"{param.draw} draws values that are not whole numbers"
    if param.draw.kind != "choice" and values[0] >= values[1]:
        return f"{param.draw} draws from an empty range"
    if param.draw.kind == "log_uniform" and values[0] <= 0:
        return f"{param.draw} needs positive bounds"
    largest = values[1] - 1 if param.draw.kind == "integers" else max(values)
    if min(values) < low or largest > high:
        return f"{param.draw} draws values outside [{low:g}, {high:g}]"
    return ""


def _function(augmentation: Augmentation) -> Iterator[Finding]:
    for call in source_code.random_calls(augmentation.function):
        yield finding("AUG301", augmentation.plugin, augmentation.name, f"calls {call}, which no parameter decides")
    for statement in source_code.written_inputs(augmentation.function):
        yield finding("AUG304", augmentation.plugin, augmentation.name, f"changes its input: {statement}")


def _described(catalog: Catalog, augmentation: Augmentation) -> Iterator[Finding]:
    if not catalog.laws_of(augmentation.name):
        yield finding("AUG401", augmentation.plugin, augmentation.name, "no law is declared about it")
    if not augmentation.summary:
        yield finding("AUG402", augmentation.plugin, augmentation.name, "its function has no docstring")


def _dangling(catalog: Catalog, wanted: Collection[str], plugins: Iterable[str]) -> Iterator[Finding]:
    namespaces = {*plugins, *(name.split(".", 1)[0] for name in catalog.augmentations)}
    for item in catalog.dangling:
        owner = catalog.augmentations.get(item.law.owner)
        plugin = item.law.owner if owner is None else owner.plugin
        if plugin not in wanted:
            continue
        code, message = "AUG202", item.reason
        try:
            catalog.law(item.law)
        except UnknownNameError as error:
            elsewhere = "." in error.name and error.name.split(".", 1)[0] not in namespaces
            code = "AUG206" if elsewhere else "AUG201"
        except AugalgebraError as error:
            message = str(error)
        else:
            continue  # what it names has been found since, by a plugin that answers names when it is asked
        yield finding(code, plugin, str(item.law), message)
