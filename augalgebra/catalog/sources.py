"""Where a plugin is, and what has to be loaded for it: an installed one, a file, a folder, a module."""

import importlib
import importlib.util
import os
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

from augalgebra._version import __version__
from augalgebra.catalog.digest import files_digest
from augalgebra.catalog.plugin import PluginInfo, PluginSource
from augalgebra.errors import PluginError
from augalgebra.hooks import PROJECT
from augalgebra.storage.cache import recall, remember

Kind = Literal["installed", "file", "folder", "module", "object"]


@dataclass(frozen=True)
class Location:
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


def sources_of(path: Path) -> tuple[PluginSource, ...]:
    """What has to be loaded for a file or folder that is a plugin.

    Raises:
        PluginError: It cannot be one.
    """
    found = location_of(str(path), path)
    return found.sources if found.path is None else tuple(plugin_files(found.path))


def module_source(name: str) -> PluginSource:
    """What has to be loaded for a module that can be imported."""
    return PluginSource(plugin_name(name), partial(importlib.import_module, name), source=name)


def plugin_files(folder: Path) -> Iterable[PluginSource]:
    """The plugin files of a folder, or the single file that it is; a file's version is a digest of it."""
    files = [folder] if folder.is_file() else sorted(folder.glob("*.py"))
    for file in files:
        if not file.name.startswith("_"):
            yield PluginSource(file.stem, partial(_import_file, file), version=_file_version(file), source=str(file))


def _file_version(file: Path) -> str:
    try:
        return files_digest([file])
    except OSError:  # which is told when it is loaded
        return ""


def _import_file(file: Path) -> ModuleType:
    # a name of its own, so that a plugin file can neither shadow nor be shadowed by an importable module
    name = f"augalgebra_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def location_of(text: str, path: Path) -> Location:
    """Where the plugin is that a file or folder is.

    Args:
        text: The path as it was written, for messages.
        path: The path.

    Raises:
        PluginError: It cannot be one.
    """
    if not path.exists():
        raise PluginError(f"there is no file or folder {text}")
    path = path.resolve()
    if path.is_file():
        if path.suffix != ".py":
            raise PluginError(f"{text} is not a Python file; a plugin's file ends in .py")
        if path.name == "__init__.py":
            return _package(path.parent)
        return Location("file", str(path), path=path)
    if (path / "pyproject.toml").is_file():
        return Location("folder", str(path), sources=tuple(_of_project(text, path)))
    if (path / "__init__.py").is_file():
        return _package(path)
    return Location("folder", str(path), path=path)


def _package(path: Path) -> Location:
    load = partial(_import_from, path.parent, path.name)
    return Location("folder", str(path), sources=(PluginSource(plugin_name(path.name), load, source=str(path)),))


def _of_project(text: str, folder: Path) -> Iterable[PluginSource]:
    """The plugins a project would install, loaded from its sources."""
    import tomllib

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
    point = InstalledPlugin("", target, "", "")
    # It stays on the path: a plugin imports its heavy parts only when it is used.
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    loaded = point.load()
    file = Path(getattr(sys.modules[point.module], "__file__", None) or "")
    if not file.resolve().is_relative_to(root.resolve()):
        raise PluginError(f"{point.module} was already imported from {file}, so that the one in {root} cannot be")
    return loaded


def plugin_name(module: str) -> str:
    """What a plugin is called that is a module of this name."""
    return module.rpartition(".")[2].removeprefix("augalg_")


FOLDER = "installed"
"""Name of the folder in the user's cache, which has a file for each path that Python imports from."""


class InstalledPlugin(NamedTuple):
    """A plugin that a distribution offers.

    Attributes:
        name: Name of the entry point.
        value: The module, and perhaps an object in it behind a colon.
        distribution: The distribution.
        version: Its version.
    """

    name: str
    value: str
    distribution: str
    version: str

    @property
    def module(self) -> str:
        """The module alone."""
        return self.value.partition(":")[0].strip()

    def load(self) -> object:
        """Import it."""
        found: object = importlib.import_module(self.module)
        for name in filter(None, self.value.partition(":")[2].strip().split(".")):
            found = getattr(found, name)
        return found


def cache_folder() -> Path:
    """Where this library remembers what it can find out again."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("augalgebra"))


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """The plugins that installed distributions offer, in the order of the metadata.

    To find them, all metadata have to be read, which takes longer than most questions about words.
    So what was found is remembered in the user's cache. It counts as long as the folders that Python imports from, and
    the entry points that were found in them, have not changed. It may be deleted at any time.
    """
    places = list(map(os.path.abspath, sys.path))
    file = cache_folder() / FOLDER / f"{zlib.crc32(os.pathsep.join(places).encode()):08x}.json"
    paths = [__version__, _stamps(places)]
    try:
        remembered = recall(file)
        if remembered["paths"] == paths and remembered["stamps"] == _stamps(item[0] for item in remembered["stamps"]):
            return tuple(InstalledPlugin(*map(str, item)) for item in remembered["plugins"])
    except (KeyError, TypeError, IndexError):  # nothing there, or nothing that this version wrote
        pass
    import importlib.metadata

    points = list(importlib.metadata.entry_points(group=PROJECT))
    owners = [("", "") if point.dist is None else (point.dist.name, point.dist.version) for point in points]
    found = tuple(InstalledPlugin(point.name, point.value, *owner) for point, owner in zip(points, owners, strict=True))
    declared = {
        str(file.locate())
        for point in points
        if point.dist is not None
        for file in point.dist.files or ()
        if file.name == "entry_points.txt"
    }
    remember(file, {"paths": paths, "stamps": _stamps(sorted(declared)), "plugins": found})
    return found


def _stamps(places: Iterable[str]) -> list[list[Any]]:
    """What tells one state of files or folders from another."""
    stamps: list[list[Any]] = []
    for place in places:
        try:
            status = Path(place).stat()
        except OSError:
            stamps.append([place])
        else:
            stamps.append([place, status.st_mtime_ns, status.st_size])
    return stamps
