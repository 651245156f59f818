"""Digests that tell whether something is still what it was."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from augalgebra.catalog.catalog import Catalog

SHOWN = 12
"""Digits of a file's digest that stand in for a version."""


def laws_digest(catalog: Catalog, name: str) -> str:
    """SHA-256 of everything that is declared by an augmentation, or about it alone, whatever the order."""
    lines = sorted(f"{law} {law.kind} {law.scope} {law.tolerance} {law.status}" for law in catalog.laws_of(name))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def files_digest(files: Iterable[Path]) -> str:
    """The first digits of the SHA-256 of some files' content, in their order: what files have for a version.

    Raises:
        OSError: One cannot be read.
    """
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:SHOWN]
