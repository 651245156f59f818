"""Whether two words are equal on images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from augalgebra.algebra.conditions import ALWAYS, Conditions, holding_for
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.checks.law_checker import LawChecker
from augalgebra.checks.probes import Probe, make_probes, numbers_in, suited_probes
from augalgebra.checks.results import Counterexample, sizes_text
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData


@dataclass(frozen=True)
class WordComparison(PlainData):
    """Two words compared on images.

    Attributes:
        equal: None if it could not be decided: the words cannot be applied, or no image was moved enough.
        reason: One line for people.
        error: Largest difference, of a pixel if compared exactly, root mean square if with a tolerance.
        moved: How far the augmentations displace the images, in the same measure.
        n: How many images, times parameter values, were compared.
        counterexample: Where they differ.
        conditions: What pictures they are equal for, if they differ on others; empty if none were found.
        sizes: Heights and widths at which they are equal, if they differ at others.
    """

    equal: bool | None
    reason: str
    error: float | None
    moved: float | None
    n: int
    counterexample: Counterexample | None
    conditions: Conditions = ALWAYS
    sizes: tuple[tuple[int, int], ...] = ()
    level: ClassVar[str] = "pixel"
    in_json = (
        *("equal", "level", "reason", "error", "moved", "n", "counterexample", "conditions as equal_for"),
        "sizes as equal_at",
    )

    def _repr_html_(self) -> str:
        row = (self.equal, self.error, self.moved, self.n)
        return render_table(["equal", "error", "moved", "n"], [row], self.reason)


def compare_words(
    catalog: Catalog,
    first: str | Word,
    second: str | Word,
    probes: Sequence[Probe] | None = None,
    *,
    size: int = 28,
    channels: int | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> WordComparison:
    """Compare what two words do to images; random parameters are tried at several values.

    Args:
        catalog: Where the augmentations are.
        first: A word.
        second: Another.
        probes: Images to compare on; the built-in ones by default.
        size: Height and width of the built-in probes; a rectangle and another square of about that size are tried too.
        channels: Channels of the built-in probes; by default 1, and 3 if grey images do not decide.
        tolerance: Root-mean-square error up to which they count as equal on smooth images; by default they have to
            agree in every pixel of every image, up to rounding.
        seed: Seed of probes and parameter values.
        dtype: Floating-point type of the built-in probes.

    Raises:
        AugalgebraError: A word cannot be resolved.
    """
    law = Law(
        catalog.word(first),
        catalog.word(second),
        scope="exact" if tolerance is None else "approximate",
        tolerance=tolerance,
    )
    suited = suited_probes(catalog, (law.lhs, law.rhs), dtype=dtype) if probes is None else None
    if suited is not None:
        probes = suited[0]
    for number in (1, 3) if channels is None else (channels,):
        chosen = probes
        if chosen is None:
            chosen = make_probes(number, size, numbers=numbers_in((law.lhs, law.rhs)), seed=seed, dtype=dtype)
        checker = LawChecker(catalog, chosen, seed=seed, alternatives=False, each=False)
        found = checker.check(law)
        if probes is not None or found.verdict in ("holds", "violated"):
            break
    equal = {"holds": True, "violated": False, "vacuous": None, "not checked": None}[found.verdict]
    reason = found.reason
    if equal:
        reason = f"equal on {found.n} images, with an error of {found.error:.2g} where they move by {found.moved:.2g}"
    elif equal is False:
        conditions, sizes = checker.conditions_of(law) or ALWAYS, found.holds_at
        reason = str(found.counterexample)
        if conditions:
            reason = f"equal{holding_for(conditions)}, but not for every picture: {reason}"
        elif sizes:
            reason = f"equal at {sizes_text(sizes)}, but not for every picture: {reason}"
        return WordComparison(False, reason, found.error, found.moved, found.n, found.counterexample, conditions, sizes)
    return WordComparison(equal, reason, found.error, found.moved, found.n, found.counterexample)
