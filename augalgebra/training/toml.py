"""The little of TOML that is written here: tables of strings, numbers, truth values, and lists of them."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augalgebra.errors import RunError


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
        header = ".".join(part if part.isidentifier() and part.isascii() else _json(part) for part in path)
        blocks.append("".join([f"[{header}]\n", *(f"{name} = {_json(value)}\n" for name, value in values.items())]))
    return "\n".join(blocks)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of such tables.

    Raises:
        RunError: The file is missing or damaged.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; {path.parent} is no run folder") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
