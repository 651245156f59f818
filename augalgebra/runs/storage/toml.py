"""The little of TOML that is written here: tables of strings, numbers, truth values, and lists of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augalgebra.errors import RunError
from augalgebra.values import MOST_TEXT, parse_toml, read_bytes


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
    blocks = []
    for path, values in tables.items():
        # JSON writes such values and quoted names as TOML does.
        header = ".".join(map(_key, path))
        lines = (f"{_key(name)} = {_json(value)}\n" for name, value in values.items())
        blocks.append("".join([f"[{header}]\n", *lines]))
    return "\n".join(blocks)


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


def _key(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else _json(name)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
