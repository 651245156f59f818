"""The plugins that installed distributions offer.

To find them, the metadata of every distribution has to be read, which takes longer than most questions about words. So
what was found is remembered in the user's cache. It counts as long as the folders that Python imports from, and the
entry points that were found in them, have not changed. It may be deleted at any time.
"""

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from augalgebra._version import __version__
from augalgebra.errors import AugalgebraError
from augalgebra.files import write_atomically
from augalgebra.hooks import PROJECT

FILE = "installed.json"
"""Name of the file in the user's cache."""


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
    """The plugins that installed distributions offer, in the order of the metadata."""
    file = cache_folder() / FILE
    paths = [__version__, _stamps(map(os.path.abspath, sys.path))]
    try:
        remembered = json.loads(file.read_text(encoding="utf-8"))
        if remembered["paths"] == paths and remembered["stamps"] == _stamps(item[0] for item in remembered["stamps"]):
            return tuple(InstalledPlugin(*map(str, item)) for item in remembered["plugins"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # nothing there, or nothing that this version wrote
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
    known = {"paths": paths, "stamps": _stamps(sorted(declared)), "plugins": found}
    with contextlib.suppress(AugalgebraError):  # a cache that cannot be written is no reason not to answer
        write_atomically(file, json.dumps(known) + "\n")
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
