"""From what a user names as a plugin (a file, a folder, a module, something installed) to a catalog with it in."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.loading import load_catalog
from augalgebra.catalog.plugin import FIRST_PARTY, PluginInfo, PluginSource
from augalgebra.catalog.settings import Settings
from augalgebra.catalog.sources import Kind, Location, installed_plugins, location_of, module_source, plugin_name
from augalgebra.errors import PluginError, UnknownNameError
from augalgebra.isolation import isolate, seconds_allowed


@dataclass(frozen=True)
class LoadedTarget:
    """A plugin somebody named, loaded beside the first-party plugins.

    Attributes:
        text: What was named.
        kind: ``installed`` (found through its entry point), ``file``, ``folder``, ``module``, or ``object`` if it was
            handed over itself.
        catalog: The first-party plugins and the target.
        plugins: What the target consists of; several if it is a distribution or a folder of files.
        source: Where it was found: the path of the file or folder, or the module's name.
    """

    text: str
    kind: Kind
    catalog: Catalog
    plugins: tuple[PluginInfo, ...]
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Full names of the augmentations it registered."""
        return tuple(name for info in self.plugins for name in info.augmentations)


def load_target(
    target: object,
    *,
    settings: Settings | None = None,
    folders: Sequence[Path] = (),
    alongside: Collection[str] | bool = (),
) -> LoadedTarget:
    """Load a plugin in isolation: beside the first-party plugins, and nothing else unless asked for.

    Args:
        target: The name of an installed plugin or distribution; a Python file; a folder (a project with
            ``pyproject.toml``, a package, or plugin files); the name of a module that can be imported; or the plugin
            itself, a module or an instance with hook implementations.
        settings: Plugin folders that are loaded as well; none by default.
        folders: Plugin folders in which the name of a plugin is looked for too, without loading what else is in them.
        alongside: Further installed distributions to load, or True for all of them.

    Returns:
        The catalog and what became of the target in it.

    Raises:
        UnknownNameError: Nothing of this name is there; the message suggests the nearest plugin.
        PluginError: It is there but cannot be loaded; the message gives the reason in one line, and the notes of the
            error hold its traceback.

    Examples:
        >>> load_target("dihedral").names[:2]
        ('dihedral.flip_lr', 'dihedral.flip_ud')
    """
    settings = Settings() if settings is None else settings
    text, found = _named(target, (*settings.folders, *folders))
    if found.path is not None and not _covered(found.path, settings.folders):
        settings = replace(settings, folders=(*settings.folders, found.path))
    own = {FIRST_PARTY, found.distribution} - {""}
    installed = own | (set() if isinstance(alongside, bool) else set(alongside))
    catalog = load_catalog(settings, modules=found.sources, installed=alongside is True or installed)
    plugins = tuple(info for info in catalog.plugins if found.owns(info))
    for info in plugins:
        if info.status != "loaded":
            where = text if len(plugins) == 1 else f"{text} (plugin {info.name})"
            error = PluginError(f"{where} cannot be loaded: {info.reason}")
            if info.detail:
                error.add_note(info.detail)
            raise error
    if not plugins:
        raise PluginError(f"{text} holds no plugin: there is no .py file in it whose name starts without '_'")
    return LoadedTarget(text, found.kind, catalog, plugins, found.source)


def _named(target: object, folders: Sequence[Path]) -> tuple[str, Location]:
    if isinstance(target, Path):
        return str(target), location_of(str(target), target)
    if isinstance(target, ModuleType) and sys.modules.get(target.__name__) is target:
        target = target.__name__
    if isinstance(target, str):
        return target, _find(target, folders)
    text = str(getattr(target, "__name__", type(target).__name__))
    return text, Location("object", text, sources=(PluginSource(plugin_name(text), lambda: target, source=text),))


def _find(text: str, folders: Sequence[Path]) -> Location:
    path = Path(text).expanduser()
    if text.endswith(".py") or text in (".", "..") or any(mark in text for mark in (os.sep, os.altsep) if mark):
        return location_of(text, path)
    plugins = installed_plugins()
    for chosen in (
        [plugin for plugin in plugins if plugin.name == text],
        [plugin for plugin in plugins if plugin.value == text],
        [plugin for plugin in plugins if _same_distribution(plugin.distribution, text)],
    ):
        if chosen:
            _refuse_two_owners(text, {plugin.distribution for plugin in chosen})
            names = frozenset(plugin.name for plugin in chosen)
            return Location("installed", chosen[0].value, chosen[0].distribution, names)
    for folder in folders:
        file = folder if folder.is_file() else folder / f"{text}.py"
        if file.stem == text and file.is_file():
            return location_of(text, file)
    if path.exists():
        return location_of(text, path)
    if _importable(text):
        return Location("module", text, sources=(module_source(text),))
    hint = f"(there is a file {text}.py here: write {text}.py)" if path.with_suffix(".py").is_file() else ""
    known = [plugin.name for plugin in plugins]
    raise UnknownNameError("plugin, module or file", text, known, hint or "('augalg plugins list' shows all)")


def _refuse_two_owners(text: str, owners: set[str]) -> None:
    if len(owners) > 1:
        raise PluginError(
            f"{text} is claimed by the distributions {' and '.join(sorted(owners))}; uninstall one, or name a file"
        )


def _covered(path: Path, folders: Iterable[Path]) -> bool:
    return any(folder.resolve() in (path, path.parent) for folder in folders)


def _same_distribution(name: str, text: str) -> bool:
    return bool(name) and name.lower().replace("_", "-") == text.lower().replace("_", "-")


def _importable(name: str) -> bool:
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        with isolate(name, limit=seconds_allowed()):  # looking for a.b imports a
            return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
    except Exception:  # noqa: BLE001 - it is there but breaks; loading it tells how
        return True
