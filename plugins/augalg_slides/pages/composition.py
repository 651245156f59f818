"""What the slides say of composing augmentations in a latent space, beside what was measured of it."""

from collections.abc import Iterable
from statistics import fmean

from augalg_slides.baselines.scores import is_decided
from augalg_slides.evidence.claims import Claim
from augalgebra.consistency import CompositionReport, WordScore

LOSS = 1.05
"""How much larger a gap ratio must be to count as some loss; it was 1.01 as long as the entropy was in both losses."""
_HALF = 0.5


def composition_claims(report: CompositionReport) -> tuple[Claim, ...]:
    """What slide 8 says of compositions and inverses.

    A word is reached where at least half of the way from moving nothing to the directly encoded view is made, in nats
    above the entropy. Words that are vacuous or trivial do not count; where none counts, nothing is decided.

    Args:
        report: Words of two augmentations, from every view, of operators that were fitted on single augmentations.
    """
    forward = _telling(report.of_kind("composition"))
    reverse = _telling(report.of_kind("reverse composition"))
    back = _telling(report.of_kind("inverse", "inverse of the composition", "route"))
    claims = []
    if forward:
        claims.append(
            Claim(
                "8",
                "Augmentations compose in the latent space without having been trained to",
                _told(forward),
                _reached(forward),
                _values(forward),
            )
        )
    if forward and reverse:
        lost = fmean(_gaps(reverse)) / fmean(_gaps(forward))
        reached = _reached(reverse)
        claims.append(
            Claim(
                "8",
                "The reverse composition can be drawn too, with some loss",
                f"{_told(reverse)}; that is {lost:.3f} times the composition's"
                + ("" if lost > LOSS else ", so nothing is lost by the other order"),
                None if reached is None else reached and lost > LOSS,
                {**_values(reverse), "over the composition": lost},
            )
        )
    if back:
        worst = max(back, key=lambda score: score.rank)
        claims.append(
            Claim(
                "8",
                "Inverses lead from any input to any output",
                f"{len(back)} ways from one view to another: mean {_told(back)}; worst {worst.gap_ratio:.3f}, from "
                f"{worst.view} to {worst.word}" + ("; some words have no inverse" if report.no_inverse else ""),
                False if report.no_inverse else _reached(back),
                {**_values(back), "worst gap ratio": worst.gap_ratio, "without inverse": float(len(report.no_inverse))},
            )
        )
    return tuple(claims)


def _telling(scores: tuple[WordScore, ...]) -> tuple[WordScore, ...]:
    """Those that count; if none does, those that are not trivial."""
    moving = tuple(score for score in scores if not score.trivial)
    return tuple(score for score in moving if score.counts) or moving


def _gaps(scores: Iterable[WordScore]) -> list[float]:
    return [score.gap_ratio for score in scores]


def _still(scores: Iterable[WordScore]) -> float:
    return fmean(score.identity_ratio for score in scores)


def _reached(scores: tuple[WordScore, ...]) -> bool | None:
    still = _still(scores)
    return fmean(_gaps(scores)) - 1 <= _HALF * (still - 1) if is_decided(still) else None


def _told(scores: tuple[WordScore, ...]) -> str:
    return f"gap ratio {fmean(_gaps(scores)):.3f}, {_still(scores):.3f} if nothing is moved"


def _values(scores: tuple[WordScore, ...]) -> dict[str, float]:
    return {
        "gap ratio": fmean(_gaps(scores)),
        "if nothing is moved": _still(scores),
        "floor": fmean(score.floor for score in scores),
        "entropy": fmean(score.entropy for score in scores),
    }
