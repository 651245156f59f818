"""Conditions of pictures: what a picture has to be for a law to hold.

A law with conditions holds for the pictures that meet them all. Used after other augmentations, it needs pictures that
meet them still: a law for pictures with a dark border says nothing of what comes after an inversion. What keeps a
condition is therefore declared as well (``rotate(a) keeps a dark border``).
"""

from typing import Literal, TypeAlias

Condition = Literal["square", "dark border"]
"""``square``: as high as wide. ``dark border``: black but for a disc in the middle, as handwritten digits are."""
Conditions: TypeAlias = frozenset[Condition]

ALWAYS: Conditions = frozenset()
"""The conditions of a law that holds for every picture."""
ALL: Conditions = frozenset(("square", "dark border"))
"""All conditions there are."""
SQUARE: Conditions = frozenset(("square",))
DARK: Conditions = frozenset(("dark border",))

PHRASES: dict[Conditions, str] = {
    SQUARE: "square pictures",
    DARK: "pictures with a dark border",
    SQUARE | DARK: "square pictures with a dark border",
}
"""How laws write their conditions, after ``for``."""
KEPT: dict[Condition, str] = {"square": "squares", "dark border": "a dark border"}
"""How laws write what is kept, after ``keeps``."""


def holding_for(conditions: Conditions) -> str:
    """Where something holds, as it stands behind a law: `` for square pictures``; empty if it always does."""
    return f" for {PHRASES[conditions]}" if conditions else ""
