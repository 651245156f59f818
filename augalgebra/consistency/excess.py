"""What drawings cost beyond what even a perfect one costs, and what may be said of a ratio of two such costs.

Cross-entropy against pixels between 0 and 1 is never zero: drawing an image exactly still costs its own entropy. A
ratio of whole losses divides that by itself and flatters. What is compared is therefore the *excess*, loss minus
entropy: the Kullback-Leibler divergence from the image to the drawing, in nats; the squared error where the likelihood
is Gaussian.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from augalgebra.plain import PlainData

MEASURE = 2
"""Version of the measure, written into every file of results; 1 was the ratio of whole losses."""
TELLING = 1.1
"""Times the floor's excess: a word where doing nothing costs less tells nothing, one whose move costs no more holds."""
ROUNDING = 2.0**-20
"""Share of a loss that may be nothing but float32's rounding: that of drawings that are the images themselves differs
from their entropy by up to 2⁻²² of it (from 8×8 pixels to three channels of 128×128), and this is four times that."""


def smallest_excess(entropy: float) -> float:
    """The smallest excess that can be told from rounding, in nats; 0.00004 where the entropy is 45.5, as on MNIST.

    Where the entropy is 0, as for a Gaussian likelihood, what rounding leaves of a pixel is squared.
    """
    return ROUNDING * (entropy + ROUNDING)


def ratio_of_excesses(excess: float, floor_excess: float, entropy: float) -> float:
    """An excess over that of the floor; not a number where that cannot be told from rounding.

    Examples:
        >>> ratio_of_excesses(12.0, 10.0, entropy=107.1)
        1.2
        >>> ratio_of_excesses(12.0, 1e-5, entropy=107.1)
        nan
    """
    return excess / floor_excess if floor_excess > smallest_excess(entropy) else math.nan


def show_loss(loss: float, places: int = 1) -> str:
    """A loss for people: nats with so many decimals, squared errors, which are below 1, with four.

    Examples:
        >>> show_loss(70.249), show_loss(0.01171), show_loss(0.0)
        ('70.2', '0.0117', '0.0')
    """
    return f"{loss:.{places}f}" if loss == 0 or not abs(loss) < 1 else f"{loss:.4f}"


@dataclass(frozen=True, kw_only=True)
class Gap(PlainData):
    """What it costs to draw images from moved codes. Losses are means per image, in nats unless said otherwise.

    Attributes:
        bce: Loss of the decoded moved codes against the true images.
        floor: Loss of the decoded direct codes of these images.
        identity_bce: Loss when nothing is moved.
        entropy: Loss that even a perfect drawing has.
    """

    bce: float
    floor: float
    identity_bce: float
    entropy: float
    in_json: ClassVar[tuple[str, ...]] = (
        *("bce", "entropy", "excess", "floor", "floor_excess", "gap_ratio", "identity_ratio", "identity_bce"),
        "loss_ratio",
    )

    @property
    def excess(self) -> float:
        """Loss beyond the entropy."""
        return self.bce - self.entropy

    @property
    def floor_excess(self) -> float:
        """Loss of the direct codes beyond the entropy: what the code itself loses."""
        return self.floor - self.entropy

    @property
    def identity_excess(self) -> float:
        """Loss beyond the entropy when nothing is moved."""
        return self.identity_bce - self.entropy

    @property
    def gap_ratio(self) -> float:
        """The excess over that of the floor; 1 is perfect, NaN where the floor's is rounding."""
        return ratio_of_excesses(self.excess, self.floor_excess, self.entropy)

    @property
    def identity_ratio(self) -> float:
        """What the gap ratio would be if the operator did nothing."""
        return ratio_of_excesses(self.identity_excess, self.floor_excess, self.entropy)

    @property
    def loss_ratio(self) -> float:
        """The whole loss over the floor, which flatters by as much as the entropy is of both."""
        return self.bce / self.floor if self.floor else math.nan

    @property
    def rank(self) -> float:
        """The gap ratio for sorting: with the smallest excess that can be told in place of a floor below it."""
        value = self.excess / self._telling_floor
        return math.inf if math.isnan(value) else value  # a loss that is not a number is the worst there is

    @property
    def share(self) -> float:
        """How much of the way from doing nothing (0) to the floor (1) is made; NaN where that is hardly any way."""
        if self.vacuous:
            return math.nan
        return (self.identity_bce - self.bce) / (self.identity_bce - self.floor)

    @property
    def vacuous(self) -> bool:
        """Whether doing nothing costs less than 1.1 of the floor's excess, so that moving codes well shows nothing."""
        return self.identity_excess < TELLING * self._telling_floor

    def meets(self, bar: float) -> bool:
        """Whether the excess is at most so many times the floor's."""
        return self.rank <= bar

    @property
    def _telling_floor(self) -> float:
        return max(self.floor_excess, smallest_excess(self.entropy))
