"""What to load: the environment, and what ``augalg.toml`` says."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augalgebra.catalog.registration import WORKSPACE_FILE, Registration, read_workspace, registrations
from augalgebra.errors import AugalgebraError

FOLDERS_VARIABLE = "AUGALG_PLUGINS"
DISABLE_VARIABLE = "AUGALG_DISABLE"


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

        The ``[[registered]]`` tables in it are written by ``augalg register``.

        Raises:
            AugalgebraError: ``augalg.toml`` cannot be read as that.
        """
        environ = os.environ if environ is None else environ
        base = workspace or Path.cwd()
        file = base / WORKSPACE_FILE
        content = read_workspace(file)
        table = _plugins_table(file, content)
        folders = [base / item for item in table.get("folders", [])]
        folders += [Path(item) for item in environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if item]
        disable = [*table.get("disable", []), *environ.get(DISABLE_VARIABLE, "").split(",")]
        names = frozenset(name.strip() for name in disable if name.strip())
        return cls(tuple(folders), names, registrations(file, content), base)


def _plugins_table(file: Path, content: Mapping[str, Any]) -> dict[str, list[str]]:
    table = content.get("plugins", {})
    if not isinstance(table, dict):
        raise AugalgebraError(f"{file}: 'plugins' must be a table, written [plugins]")
    for key in ("folders", "disable"):
        items = table.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise AugalgebraError(f"{file}: plugins.{key} must be a list of texts, such as {key} = ['name']")
    return table
