"""What the slides claim, what was measured of it, and how sure that is over several seeds."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from augalgebra.documents import HOLDS
from augalgebra.plain import PlainData

CONFIDENCE = 0.95
"""Of all intervals."""
MOST_SHOWN = 6
"""Numbers that are put into words where several seeds are pooled; `Claim.values` has all."""


@dataclass(frozen=True)
class Claim(PlainData):
    """One thing that the slides say, beside what was measured.

    Attributes:
        slide: Where they say it, e.g. ``16`` or ``8-9``.
        text: What they say, in one sentence.
        measured: What was measured, in one sentence with its numbers.
        holds: Whether the numbers bear it out; None where they do not decide it.
        values: The numbers by name.
    """

    slide: str
    text: str
    measured: str
    holds: bool | None
    values: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"Slide {self.slide}, {HOLDS[self.holds]}: {self.text} Measured: {self.measured}"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Claim":
        """Undo `to_dict`; a number that is null is not a number.

        Raises:
            KeyError: Something is missing.
        """
        values = {name: math.nan if value is None else float(value) for name, value in data["values"].items()}
        return cls(data["slide"], data["text"], data["measured"], data["holds"], values)


@dataclass(frozen=True)
class Spread(PlainData):
    """A number measured with several seeds.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation, as estimated from a sample; 0 for a single one.
        n: How many.
    """

    mean: float
    deviation: float
    n: int
    in_json = "mean", "deviation", "n", "interval"

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean by Student's t; without bounds for a single seed."""
        if self.n < 2:
            return -math.inf, math.inf
        from scipy.stats import t

        half = float(t.ppf(0.5 + CONFIDENCE / 2, self.n - 1)) * self.deviation / math.sqrt(self.n)
        return self.mean - half, self.mean + half

    def __str__(self) -> str:
        return f"{self.mean:.4g}" if self.n < 2 else f"{self.mean:.4g} ± {self.deviation:.2g}"


def over_seeds(values: Iterable[float]) -> Spread:
    """Mean and spread of what several seeds gave.

    Raises:
        ValueError: There is no value.

    Examples:
        >>> str(over_seeds([1.0, 2.0, 3.0]))
        '2 ± 1'
    """
    numbers = [float(value) for value in values]
    if not numbers:
        raise ValueError("nothing was measured, so there is no mean")
    return Spread(statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else 0.0, len(numbers))


def pool(runs: Sequence[Sequence[Claim]]) -> tuple[Claim, ...]:
    """The claims of several seeds, each once: with the means of its numbers, and their spread in words.

    A claim holds if it does with every seed, and does not if it does with none; else it is undecided. Claims are known
    by their slide and text; the order is that of their first appearance. A number that some seeds could not give (NaN)
    is the mean of the others, and the words say of how many.

    Args:
        runs: The claims of each seed.
    """
    same: dict[tuple[str, str], list[Claim]] = {}
    for claim in (claim for run in runs for claim in run):
        same.setdefault((claim.slide, claim.text), []).append(claim)
    return tuple(_pooled(claims) for claims in same.values())


def _pooled(claims: Sequence[Claim]) -> Claim:
    first = claims[0]
    if len(claims) == 1:
        return first
    values: dict[str, float] = {}
    shown: list[str] = []
    for name in first.values:
        given = [claim.values[name] for claim in claims if math.isfinite(claim.values.get(name, math.nan))]
        spread = over_seeds(given) if given else None
        values[name] = spread.mean if spread else math.nan
        partly = f" (with {len(given)} of {len(claims)})" if 0 < len(given) < len(claims) else ""
        shown.append(f"{name}: {spread or 'no number'}{partly}")
    shown[MOST_SHOWN:] = ["…"] if len(shown) > MOST_SHOWN else []
    verdicts = {claim.holds for claim in claims}
    return replace(
        first,
        measured=f"{'; '.join(shown)} ({len(claims)} seeds)",
        holds=verdicts.pop() if len(verdicts) == 1 else None,
        values=values,
    )
