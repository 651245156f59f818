"""What a training loop tells while it runs. The library prints nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ProbeScore:
    """How one word fares at present.

    Attributes:
        word: The word, as people write it.
        floor: Loss of encoding and decoding its images directly, in nats per image.
        entropy: What even a perfect drawing of them costs.
        gap_ratio: Excess of moving codes of the originals there, over that of the floor.
        identity_ratio: What that would be if nothing were moved.
    """

    word: str
    floor: float
    entropy: float
    gap_ratio: float
    identity_ratio: float


@dataclass(frozen=True)
class Report:
    """Where a training loop stands after a step.

    Attributes:
        stage: What is being trained, e.g. ``stage 1``.
        step: Steps made.
        epoch: The epoch this step belonged to, counted from 1.
        fraction: How much of the epochs or of the time is used up, from 0 to 1.
        loss: Sum of the terms.
        terms: Terms of the loss, in nats per image.
        images_per_second: Images encoded (stage 1) or drawn (stage 3) each second, so far.
        seconds_left: Estimate of the time that is left.
        probed: How a word fared when it was last looked at.
    """

    stage: str
    step: int
    epoch: int
    fraction: float
    loss: float
    terms: Mapping[str, float]
    images_per_second: float
    seconds_left: float
    probed: ProbeScore | None = None


class Progress(Protocol):
    """Called after each step. To stop cleanly, raise `KeyboardInterrupt`; what was learned is kept."""

    def __call__(self, report: Report, /) -> object:
        """Take notice of a step."""


def silent(_: Report, /) -> None:
    """Take no notice."""
