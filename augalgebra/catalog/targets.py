"""From what a user names as a plugin (a file, a folder, a module, something installed) to a catalog with it in."""

import importlib
import importlib.metadata
import importlib.util
import os
import sys
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.loading import load_catalog, plugin_files
from augalgebra.catalog.plugin import FIRST_PARTY, PluginInfo, PluginSource
from augalgebra.catalog.settings import Settings
from augalgebra.errors import PluginError, UnknownNameError
from augalgebra.hooks import PROJECT
from augalgebra.isolation import isolate, seconds_allowed

Kind = Literal["installed", "file", "folder", "module", "object"]


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


@dataclass(frozen=True)
class _Found:
    """Where a target is: what to load for it, and how to recognise it among everything that was loaded."""

    kind: Kind
    source: str
    distribution: str = ""
    names: frozenset[str] = frozenset()
    path: Path | None = None
    sources: tuple[PluginSource, ...] = ()

    def owns(self, info: PluginInfo) -> bool:
        """Whether a plugin is part of the target."""
        if self.kind == "installed":
            return info.distribution == self.distribution and info.name in self.names
        if self.path is not None:
            here = Path(info.source).resolve()
            return not info.distribution and (here == self.path or here.parent == self.path)
        return any((info.name, info.source) == (item.name, item.source) for item in self.sources)


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


def sources_of(path: Path) -> tuple[PluginSource, ...]:
    """What has to be loaded for a file or folder that is a plugin.

    Raises:
        PluginError: It cannot be one.
    """
    found = _at_path(str(path), path)
    return found.sources if found.path is None else tuple(plugin_files(found.path))


def module_source(name: str) -> PluginSource:
    """What has to be loaded for a module that can be imported."""
    return PluginSource(_plugin_name(name), partial(importlib.import_module, name), source=name)


def _named(target: object, folders: Sequence[Path]) -> tuple[str, _Found]:
    if isinstance(target, Path):
        return str(target), _at_path(str(target), target)
    if isinstance(target, ModuleType) and sys.modules.get(target.__name__) is target:
        target = target.__name__
    if isinstance(target, str):
        return target, _find(target, folders)
    text = str(getattr(target, "__name__", type(target).__name__))
    return text, _Found("object", text, sources=(PluginSource(_plugin_name(text), lambda: target, source=text),))


def _find(text: str, folders: Sequence[Path]) -> _Found:
    path = Path(text).expanduser()
    if text.endswith(".py") or text in (".", "..") or any(mark in text for mark in (os.sep, os.altsep) if mark):
        return _at_path(text, path)
    points = list(importlib.metadata.entry_points(group=PROJECT))
    owners = {point: point.dist.name if point.dist else "" for point in points}
    for chosen in (
        [point for point in points if point.name == text],
        [point for point in points if point.value == text],
        [point for point in points if _same_distribution(owners[point], text)],
    ):
        if chosen:
            _refuse_two_owners(text, {owners[point] for point in chosen})
            names = frozenset(point.name for point in chosen)
            return _Found("installed", chosen[0].value, owners[chosen[0]], names)
    for folder in folders:
        file = folder if folder.is_file() else folder / f"{text}.py"
        if file.stem == text and file.is_file():
            return _at_path(text, file)
    if path.exists():
        return _at_path(text, path)
    if _importable(text):
        return _Found("module", text, sources=(module_source(text),))
    hint = f"(there is a file {text}.py here: write {text}.py)" if path.with_suffix(".py").is_file() else ""
    known = [point.name for point in points]
    raise UnknownNameError("plugin, module or file", text, known, hint or "('augalg plugins list' shows all)")


def _at_path(text: str, path: Path) -> _Found:
    if not path.exists():
        raise PluginError(f"there is no file or folder {text}")
    path = path.resolve()
    if path.is_file():
        if path.suffix != ".py":
            raise PluginError(f"{text} is not a Python file; a plugin's file ends in .py")
        if path.name == "__init__.py":
            return _package(path.parent)
        return _Found("file", str(path), path=path)
    if (path / "pyproject.toml").is_file():
        return _Found("folder", str(path), sources=tuple(_of_project(text, path)))
    if (path / "__init__.py").is_file():
        return _package(path)
    return _Found("folder", str(path), path=path)


def _package(path: Path) -> _Found:
    load = partial(_import_from, path.parent, path.name)
    return _Found("folder", str(path), sources=(PluginSource(_plugin_name(path.name), load, source=str(path)),))


def _of_project(text: str, folder: Path) -> Iterable[PluginSource]:
    """The plugins a project would install, loaded from its sources."""
    file = folder / "pyproject.toml"
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PluginError(f"{file} is not valid TOML: {error}") from None
    points = table.get("entry-points", {}).get(PROJECT, {})
    if not points:
        raise PluginError(
            f"{text} names no plugin: its pyproject.toml has no entry point in the group {PROJECT!r}; "
            f"add [project.entry-points.{PROJECT}]"
        )
    root = folder / "src" if (folder / "src").is_dir() else folder
    for name, target in points.items():
        yield PluginSource(
            name,
            partial(_import_from, root, target),
            distribution=str(table.get("name", "")),
            version=str(table.get("version", "")),
            source=target,
        )


def _import_from(root: Path, target: str) -> object:
    """Load ``module`` or ``module:object`` from below a folder, whatever else bears that name."""
    point = importlib.metadata.EntryPoint(name="", value=target, group=PROJECT)
    # It stays on the path: a plugin imports its heavy parts only when it is used.
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    loaded = point.load()
    file = Path(getattr(sys.modules[point.module], "__file__", None) or "")
    if not file.resolve().is_relative_to(root.resolve()):
        raise PluginError(f"{point.module} was already imported from {file}, so that the one in {root} cannot be")
    return loaded


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


def _plugin_name(module: str) -> str:
    return module.rpartition(".")[2].removeprefix("augalg_")
