"""What became of each plugin, remembered, so that listing them need not import them all again.

What is remembered counts as long as nothing that it follows from has changed: the installed distributions that offer
plugins with their versions and source files, the plugin folders, and the workspace. It may be deleted at any time.
"""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from augalgebra._version import __version__
from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.plugin import PluginInfo
from augalgebra.catalog.registration import WORKSPACE_FILE
from augalgebra.catalog.settings import Settings
from augalgebra.catalog.sources import cache_folder, installed_plugins
from augalgebra.hooks import CONTRACT_VERSION
from augalgebra.plain import to_plain
from augalgebra.storage.cache import recall, remember

FILE = "plugins.json"
"""Name of the file in the user's cache."""


@dataclass(frozen=True)
class Overview:
    """What can be said of plugins without having them at hand.

    Attributes:
        plugins: What became of each.
        left_out: Laws that were left out, with the reason, one line each.
    """

    plugins: tuple[PluginInfo, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> "Overview":
        """What a loaded catalog says."""
        lines = (f"law of {item.law.owner} left out: {item.law}: {item.reason}" for item in catalog.dangling)
        return cls(catalog.plugins, tuple(lines))


def load_overview(
    load: Callable[[], Catalog], settings: Settings | None = None, *, folder: Path | None = None, refresh: bool = False
) -> Overview:
    """What became of each plugin, from what is remembered if that still counts, else from the catalog.

    An overview with failed plugins is not remembered: what they lack may be there the next time.

    Args:
        load: Loads the catalog of these settings; called only if need be.
        settings: Folders and disabled names; by default read from the environment and ``augalg.toml`` here.
        folder: Where to remember it; the user's cache by default.
        refresh: Load the catalog whatever is remembered.

    Raises:
        AugalgebraError: ``augalg.toml`` cannot be read.
    """
    settings = Settings.read() if settings is None else settings
    file = (cache_folder() if folder is None else folder) / FILE
    key = _digest(settings)
    remembered = None if refresh else _read(file, key)
    if remembered is not None:
        return remembered
    found = Overview.of(load())
    if all(info.status != "failed" for info in found.plugins):
        remember(file, {"key": key, **to_plain(found)})
    return found


def _digest(settings: Settings) -> str:
    """Of everything that an overview follows from, as far as it can be seen without importing anything."""
    registered = [settings.workspace / item.target for item in settings.registered]
    places = [*settings.folders, *registered, settings.workspace / WORKSPACE_FILE]
    parts = [
        [__version__, CONTRACT_VERSION, sys.version, sorted(settings.disable)],
        sorted(_installed()),
        [_stamps(place) for place in places],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _installed() -> Iterator[list[Any]]:
    for plugin in installed_plugins():
        spec = importlib.util.find_spec(plugin.module.partition(".")[0])  # of the outermost package: that runs nothing
        place: Path | None = None
        if spec is not None and spec.origin:
            place = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
        yield [*plugin, [] if place is None else _stamps(place)]


def _stamps(place: Path) -> list[list[Any]]:
    """What tells one state of a file, or of the Python files of a folder, from another."""
    stamps: list[list[Any]] = []
    for file in [place, *sorted(place.glob("*.py"))]:
        try:
            status = file.stat()
        except OSError:
            stamps.append([str(file)])
        else:
            stamps.append([str(file), status.st_mtime_ns, status.st_size])
    return stamps


def _read(file: Path, key: str) -> Overview | None:
    names = {item.name for item in fields(PluginInfo)}
    plugins: list[PluginInfo] = []
    try:
        stored = recall(file)
        if stored["key"] != key or any(set(info) != names for info in stored["plugins"]):
            return None
        for info in stored["plugins"]:
            values: dict[str, Any] = {
                key: tuple(item) if isinstance(item, list) else item for key, item in info.items()
            }
            plugins.append(PluginInfo(**values))
        return Overview(tuple(plugins), tuple(stored["left_out"]))
    except (KeyError, TypeError):  # nothing there, or nothing that this version wrote
        return None
