"""A document as plain data."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from augalgebra.documents.document import Block, Cayley, Document, HeatMap, Picture, Table, Text

_KINDS: Mapping[str, type[Block]] = {kind.__name__.lower(): kind for kind in (Text, Table, HeatMap, Picture, Cayley)}


def to_dict(document: Document) -> dict[str, Any]:
    """Plain data for JSON; numbers that are not finite are null, pictures are named by their path.

    Each block says its kind: ``text``, ``table``, ``heatmap``, ``picture`` or ``cayley``.
    """
    return {
        "title": document.title,
        "about": document.about,
        "verdicts": [_plain(asdict(verdict)) for verdict in document.verdicts],
        "sections": [
            {
                "title": section.title,
                "anchor": section.anchor,
                "blocks": [block_to_dict(block) for block in section.blocks],
            }
            for section in document.sections
        ],
    }


def block_to_dict(block: Block) -> dict[str, Any]:
    """A block as plain data for JSON, with its kind."""
    return {"kind": type(block).__name__.lower(), **_plain(asdict(block))}


def block_from_dict(data: Mapping[str, Any], folder: Path) -> Block:
    """Undo `block_to_dict`, but for numbers that were not finite.

    Args:
        data: Plain data.
        folder: Where its picture lies, if it has one; a path that leads elsewhere is refused.

    Raises:
        KeyError: There is no such kind of block, or it has no kind.
        TypeError: Something is missing or too much.
        ValueError: The picture is not in the folder.
    """
    kind = _KINDS[data["kind"]]
    values = {name: _tuples(value) for name, value in data.items() if name != "kind"}
    if kind is Picture:
        name = Path(str(values["path"])).name
        if not (folder / name).is_file() or Path(values["path"]) not in (Path(name), folder / name):
            raise ValueError(f"there is no picture {values['path']} in {folder}")
        values["path"] = folder / name
    return kind(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
