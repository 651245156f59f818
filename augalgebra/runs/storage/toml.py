"""The TOML files of a run: tables of strings, numbers, truth values, and lists of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from augalgebra.errors import RunError
from augalgebra.storage.values import MOST_TEXT, parse_toml, read_bytes


def to_toml(tables: Mapping[tuple[str, ...], Mapping[str, Any]]) -> str:
    """Tables as TOML.

    Args:
        tables: Values by name, by the path of the table.

    Examples:
        >>> print(to_toml({("heads", "my head"): {"steps": 3, "names": ("a", "b")}}), end="")
        [heads."my head"]
        steps = 3
        names = ["a", "b"]
    """
    document = tomlkit.document()
    for path, values in tables.items():
        place: Any = document
        for name in path[:-1]:
            if name not in place:
                place.append(name, tomlkit.table(is_super_table=True))
            place = place[name]
        table = tomlkit.table()
        table.update(values)
        place.append(path[-1], table)
    return tomlkit.dumps(document)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of such tables.

    Raises:
        RunError: The file is missing or damaged.
    """
    try:
        return parse_toml(read_bytes(path, MOST_TEXT))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{path} is missing; {path.parent} is no run folder") from error
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {getattr(error, 'strerror', None) or error}") from error
