"""What to load: the environment, and the ``[plugins]`` table of ``augalg.toml``."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from augalgebra.errors import AugalgebraError

WORKSPACE_FILE = "augalg.toml"
FOLDERS_VARIABLE = "AUGALG_PLUGINS"
DISABLE_VARIABLE = "AUGALG_DISABLE"


@dataclass(frozen=True)
class Settings:
    """Which plugins are looked for, besides those of installed distributions.

    Attributes:
        folders: Folders of plugin files (every ``*.py`` in them), or single files.
        disable: Names of plugins that are not even imported.
    """

    folders: tuple[Path, ...] = ()
    disable: frozenset[str] = frozenset()

    @classmethod
    def read(cls, workspace: Path | None = None, environ: Mapping[str, str] | None = None) -> "Settings":
        """Gather the settings of a workspace folder (default: here) and the environment.

        ``AUGALG_PLUGINS`` lists folders or files, separated as in ``PATH``; ``AUGALG_DISABLE`` lists names, separated
        by commas. In ``augalg.toml``::

            [plugins]
            folders = ["my_plugins"]
            disable = ["noise"]

        Raises:
            AugalgebraError: ``augalg.toml`` cannot be read as that.
        """
        environ = os.environ if environ is None else environ
        table = _plugins_table((workspace or Path.cwd()) / WORKSPACE_FILE)
        base = workspace or Path.cwd()
        folders = [base / item for item in table.get("folders", [])]
        folders += [Path(item) for item in environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if item]
        disable = [*table.get("disable", []), *environ.get(DISABLE_VARIABLE, "").split(",")]
        return cls(tuple(folders), frozenset(name.strip() for name in disable if name.strip()))


def _plugins_table(file: Path) -> dict[str, list[str]]:
    if not file.is_file():
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("plugins", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AugalgebraError(f"{file} is not valid TOML: {error}") from None
    if not isinstance(table, dict):
        raise AugalgebraError(f"{file}: 'plugins' must be a table, written [plugins]")
    for key in ("folders", "disable"):
        items = table.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise AugalgebraError(f"{file}: plugins.{key} must be a list of texts, such as {key} = ['name']")
    return table
