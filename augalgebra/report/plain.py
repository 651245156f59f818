"""A document as plain data."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from augalgebra.report.document import Block, Document


def to_json(document: Document) -> dict[str, Any]:
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
                "blocks": [{"kind": _kind(block), **_plain(asdict(block))} for block in section.blocks],
            }
            for section in document.sections
        ],
    }


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


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
