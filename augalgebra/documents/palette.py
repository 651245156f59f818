"""The colours of heat maps: which step of the scale a number has, and what a step looks like in light and in dark."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

STEPS = 24
"""Steps of a scale, counted from 0; in the middle of a diverging one lies zero."""

LOGARITHMIC = 20.0
"""Largest over smallest value from which on positive values are coloured by their logarithm."""

# Blue to vermilion, which colour-blind readers can tell apart; what is good or small recedes into the page.
_SCALES = {
    "light": {
        "h": ("#e6f0f8", "#fbf0e0", "#f3b26b", "#c85200", "#7d2a00"),
        "d": ("#0b4f8a", "#7fb2dc", "#f4f5f6", "#f0a868", "#a83a00"),
    },
    "dark": {
        "h": ("#1a2c3d", "#33291f", "#7d4513", "#d0600c", "#ffb27a"),
        "d": ("#7cc0f5", "#22639a", "#20262e", "#97480e", "#ffa05a"),
    },
}


@dataclass(frozen=True)
class Scale:
    """From numbers to steps of a scale.

    Attributes:
        low: The number of step 0.
        high: The number of the last step.
        logarithmic: Whether steps are ratios, not differences.
        reverse: Whether large numbers have low steps.
        kind: ``h`` for good to bad, ``d`` for negative to positive.
    """

    low: float
    high: float
    logarithmic: bool = False
    reverse: bool = False
    kind: str = "h"

    @classmethod
    def of(cls, numbers: Iterable[float], *, diverging: bool = False, lower_is_better: bool = True) -> "Scale":
        """The scale that fits some numbers; those that are not finite do not count."""
        finite = [number for number in numbers if math.isfinite(number)] or [0.0]
        low, high = min(finite), max(finite)
        if diverging:
            bound = max(abs(low), abs(high))
            return cls(-bound, bound, kind="d")
        return cls(low, high, low > 0 and high > LOGARITHMIC * low, not lower_is_better)

    def name(self, number: float) -> str:
        """The class of the cells that have a number, such as ``h3``; empty for what is not a number."""
        return "" if math.isnan(number) else f"{self.kind}{self._step(number)}"

    def number(self, step: int) -> float:
        """The number in the middle of a step."""
        share = step / STEPS
        share = 1 - share if self.reverse else share
        if self.logarithmic:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def _step(self, number: float) -> int:
        number = min(max(number, self.low), self.high)
        if self.high == self.low:
            share = 0.5 if self.kind == "d" else 0.0
        elif self.logarithmic:
            share = math.log(number / self.low) / math.log(self.high / self.low)
        else:
            share = (number - self.low) / (self.high - self.low)
        return round(STEPS * (1 - share if self.reverse and self.high > self.low else share))


def style() -> str:
    """The rules of all steps, for light and dark pages; ink is black or white, whichever stands out more."""
    light, dark = (
        "".join(
            f".{kind}{step}{{background:{paper};color:{ink(paper)}}}"
            for kind, anchors in scales.items()
            for step, paper in enumerate(_blend(anchors))
        )
        for scales in (_SCALES["light"], _SCALES["dark"])
    )
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


def ink(paper: str) -> str:
    """Black or white, whichever has more contrast on a colour such as ``#c85200``."""
    return max("#000000", "#ffffff", key=lambda colour: contrast(colour, paper))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21 (W3C, Web Content Accessibility Guidelines 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _blend(anchors: Sequence[str]) -> list[str]:
    """The colours of all steps, the anchors at equal distances."""
    pairs = [(_parts(one), _parts(other)) for one, other in pairwise(anchors)]
    colours = []
    for step in range(STEPS + 1):
        place = step / STEPS * len(pairs)
        index = min(int(place), len(pairs) - 1)
        mixed = [a + (b - a) * (place - index) for a, b in zip(*pairs[index], strict=True)]
        colours.append("#" + "".join(f"{round(255 * part):02x}" for part in mixed))
    return colours


def _parts(colour: str) -> list[float]:
    return [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
