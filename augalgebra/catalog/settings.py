"""What to load: the environment, and what ``augalg.toml`` says."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augalgebra.catalog.registration import (
    TABLE,
    WORKSPACE_FILE,
    Registration,
    leaves,
    read_workspace,
    registrations,
)
from augalgebra.errors import AugalgebraError, UnknownNameError, nearest
from augalgebra.storage.values import Fields, show_value

FOLDERS_VARIABLE = "AUGALG_PLUGINS"
DISABLE_VARIABLE = "AUGALG_DISABLE"
_TABLES = ("plugins", TABLE)


@dataclass(frozen=True)
class Settings:
    """Which plugins are looked for, besides those of installed distributions.

    Attributes:
        folders: Folders of plugin files (every ``*.py`` in them), or single files.
        disable: Names of plugins that are not even imported.
        registered: What was registered in the workspace.
        workspace: The workspace folder, which the paths of registered files start from.
    """

    folders: tuple[Path, ...] = ()
    disable: frozenset[str] = frozenset()
    registered: tuple[Registration, ...] = ()
    workspace: Path = Path()

    @classmethod
    def read(cls, workspace: Path | None = None, environ: Mapping[str, str] | None = None) -> "Settings":
        """Gather the settings of a workspace folder (default: here) and the environment.

        ``AUGALG_PLUGINS`` lists folders or files, separated as in ``PATH``; ``AUGALG_DISABLE`` lists names, separated
        by commas. In ``augalg.toml``::

            [plugins]
            folders = ["my_plugins"]
            disable = ["noise"]

        The ``[[registered]]`` tables in it are written by ``augalg register``. Whoever sends a folder decides what is
        in its ``augalg.toml``: that names only what lies in the folder, or what was registered from elsewhere and is
        still what it was.

        Raises:
            AugalgebraError: ``augalg.toml`` cannot be read as that.
        """
        environ = os.environ if environ is None else environ
        base = workspace or Path.cwd()
        file = base / WORKSPACE_FILE
        content = read_workspace(file)
        table = _plugins_table(file, content)
        folders = [base / item for item in table["folders"]]
        folders += [Path(item) for item in environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if item]
        disable = [*table["disable"], *environ.get(DISABLE_VARIABLE, "").split(",")]
        names = frozenset(name.strip() for name in disable if name.strip())
        return cls(tuple(folders), names, registrations(file, content), base)


def _plugins_table(file: Path, content: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    for key in sorted(content.keys() - set(_TABLES)):  # other tables are of other programs, unless they look like ours
        if nearest(key, _TABLES):
            raise UnknownNameError("table", key, _TABLES, f"in {file}")
    table = Fields(content.get("plugins", {}), f"{file}: [plugins]", remedy="write it as folders = ['mine']")
    table.refuse_others(("folders", "disable"))
    found = {key: table.texts(key) if key in table else () for key in ("folders", "disable")}
    for folder in found["folders"]:
        if not folder.isprintable():
            raise table.wrong("folders", "a list of printable paths", folder)
        if leaves(file.parent / folder, file.parent):
            raise AugalgebraError(
                f"{table.where}: folders: {show_value(folder)} leads out of this folder; name it in "
                f"{FOLDERS_VARIABLE}, or register what is in it"
            )
    return found
