"""Digests that tell whether something is still what it was."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from augalgebra.algebra.conditions import ALWAYS
from augalgebra.catalog.catalog import Catalog

SHOWN = 12
"""Digits of a file's digest that stand in for a version."""


def laws_digest(catalog: Catalog, name: str, *, pictures: bool = True) -> str:
    """SHA-256 of everything that is declared by an augmentation, or about it alone, whatever the order.

    Args:
        catalog: Where the laws are.
        name: The augmentation's full name.
        pictures: Whether it matters which pictures the laws are for. An operator of a latent space knows one kind of
            pictures only, so that it does not for operators.
    """
    import hashlib  # which reasoning needs not, and takes a while

    laws = catalog.laws_of(name)
    if not pictures:
        laws = tuple(replace(law, conditions=ALWAYS) for law in laws if law.kind != "keeps")
    # whether it has been checked is no part of what is declared
    standing = {"violated": "violated"}
    lines = sorted(
        f"{law} {law.kind} {law.scope} {law.tolerance} {standing.get(law.status, 'declared')}" for law in laws
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def files_digest(files: Iterable[Path]) -> str:
    """The first digits of the SHA-256 of some files' content, in their order: what files have for a version.

    Raises:
        OSError: One cannot be read.
    """
    import hashlib

    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:SHOWN]
