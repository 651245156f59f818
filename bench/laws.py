"""Rows about laws on images: all first-party laws checked, groups discovered and named.

Nothing else does this, so that there is only our own time; what counts is that it stays seconds.
"""

from collections.abc import Iterator

import augalgebra as aa
from augalgebra.algebra import identify
from augalgebra.algebra.froidure_pin import ExactFinder, close
from augalgebra.algebra.rewriting.short_presentations import relations
from augalgebra.checks import check_laws, discover
from bench.harness import Row

VERDICTS = ("holds", "violated", "vacuous", "not checked")
DISCOVERIES = (["flip_lr", "rotate_cw"], ["flip_lr", "rotate_cw", "invert"], ["roll(1, 0)", "roll(0, 1)"])


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    catalog = aa.load_catalog()
    names = ["dihedral"] if smoke else None
    report = check_laws(catalog, names, size=8) if smoke else check_laws(catalog)

    def note() -> str:
        return ", ".join(f"{report.count(one)} {one}" for one in VERDICTS if report.count(one))

    yield Row(
        "all laws of the plugins that come with it, checked on images",
        lambda: check_laws(aa.load_catalog(), names, **({"size": 8} if smoke else {})),
        counted=f"{len(report.results)} laws, {sum(result.n for result in report.results):,} comparisons of images",
        unit="s",
        note=note,
    )
    for words in DISCOVERIES[: 1 if smoke else None]:
        found = discover(catalog, words)
        yield Row(
            f"what {', '.join(words)} generate, found on images",
            lambda words=words: discover(catalog, words),
            counted=f"{found.order} elements" + (f", named {found.group}" if found.group else ""),
        )
    maps = [(1, 0, 2, 3, 4), (1, 2, 3, 4, 0)]
    closure = close(2, lambda g, s: tuple(maps[g][i] for i in s), tuple(range(5)), ExactFinder(tuple))
    yield Row("the name of S5, from its table", lambda: identify(closure.table), counted="120 elements")
    yield Row("relations that present S5, from its table", lambda: relations(closure), counted="120 elements")
