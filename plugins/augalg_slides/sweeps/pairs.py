"""Pairs of augmentations: those of the published transfer table, and any others by text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from augalgebra.algebra import split_names
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, nearest

Pair: TypeAlias = tuple[str, str]
"""Two augmentations, as people write them, in the order of their composition."""

Role = Literal["original", "first", "second", "composition"]
ROLES: tuple[Role, ...] = ("original", "first", "second", "composition")
"""The terms of the published total."""

FLIPS: Pair = ("flip_lr", "flip_ud")
MINI_EDGE: Pair = ("mini_image", "edge_detect")
TURN_FLIP: Pair = ("rotate_cw", "flip_lr")
SHEAR_CANNY: Pair = ("shear_x", "canny")

SLIDES: tuple[Pair, ...] = (FLIPS, MINI_EDGE, TURN_FLIP, SHEAR_CANNY)
"""Rows and columns of the table on slides 13 and 21."""
EXTENDED: tuple[Pair, ...] = (
    *SLIDES,
    ("rotate_cw", "rotate_ccw"),
    ("mini_image", "shear_x"),
    ("mini_image", "canny"),
)
"""All pairs of the published set-up."""
NAMED: Mapping[str, tuple[Pair, ...]] = {"slides": SLIDES, "extended": EXTENDED}

PUBLISHED_TOTALS: Mapping[tuple[Pair, Pair], float] = {
    (trained, target): total
    for trained, row in {
        FLIPS: (297.1023, 696.2332, 447.0127, 564.0949),
        MINI_EDGE: (499.2230, 500.8572, 607.7949, 336.6536),
        TURN_FLIP: (440.2481, 730.6819, 329.1998, 491.5537),
        SHEAR_CANNY: (304.0390, 781.7631, 915.9676, 516.5421),
    }.items()
    for target, total in zip(SLIDES, row, strict=True)
}
"""The table on slides 13 and 21, by initial and target pair: nats per test image of MNIST, terms summed."""


def parse_pairs(text: str, catalog: Catalog) -> tuple[Pair, ...]:
    """Pairs from text: ``slides``, ``extended``, or two names with a comma, and a semicolon between pairs.

    Raises:
        AugalgebraError: A part is no pair, or an augmentation is unknown.

    Examples:
        >>> from augalgebra import load_catalog
        >>> parse_pairs("flip_lr,flip_ud; shear_x,canny", load_catalog())
        (('flip_lr', 'flip_ud'), ('shear_x', 'canny'))
    """
    name = text.strip().lower()
    if name in NAMED:
        return canonical_pairs(NAMED[name], catalog)
    parts = [split_names(part) for part in text.split(";") if part.strip()]
    if len(parts) == 1 and len(parts[0]) == 1:
        near = nearest(name, NAMED, 1)
        if near:
            raise AugalgebraError(f"{text!r} is no list of pairs; did you mean {near[0]}?")
    return canonical_pairs(parts, catalog)


def canonical_pairs(pairs: Iterable[Sequence[str]], catalog: Catalog) -> tuple[Pair, ...]:
    """Pairs as the catalog writes them, each once.

    Raises:
        AugalgebraError: There is none, one is not two different single augmentations, or one is unknown.
    """
    found: dict[Pair, None] = {}
    for names in pairs:
        if len(names) != 2:
            shown = ",".join(names) or "nothing"
            raise AugalgebraError(
                f"{shown} is no pair; write two augmentations for each, such as 'flip_lr,flip_ud; shear_x,canny', "
                f"or {' or '.join(NAMED)}"
            )
        words = [catalog.word(name) for name in names]
        for name, word in zip(names, words, strict=True):
            if word.length != 1 or word.letters[0].inverse:
                raise AugalgebraError(f"{name} is no single augmentation; pairs are made of two single ones")
        first, second = map(catalog.display, words)
        if first == second:
            raise AugalgebraError(f"{first} stands in a pair with itself; name two different augmentations")
        found[first, second] = None
    if not found:
        raise AugalgebraError("name at least one pair, such as 'flip_lr,flip_ud'")
    return tuple(found)


def words_of(pair: Pair) -> dict[Role, str]:
    """The word of each term of a total."""
    first, second = pair
    return {"original": "id", "first": first, "second": second, "composition": f"{first} * {second}"}


def show_pair(pair: Pair) -> str:
    """A pair as text."""
    return ", ".join(pair)
