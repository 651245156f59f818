"""Which initial pair to start from: predicted from laws and short runs, and checked against a sweep."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augalg_slides.sweeps.pairs import FLIPS, Pair, show_pair
from augalg_slides.sweeps.predictors import NATIVE_LOSS, Candidate, Features, reasons
from augalg_slides.sweeps.results import SweepResult
from augalg_slides.sweeps.sweep import Standing, SweepProgress, unseen
from augalgebra.catalog import Catalog
from augalgebra.data import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.plain import PlainData
from augalgebra.runs import Mode, train
from augalgebra.training import Preset, TrainSettings

ADVICE = "advice"
_SHUFFLES = 2000
_DIGITS = 6
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class ShortRun:
    """How a candidate is looked at: a training of seconds on part of the data.

    Attributes:
        data: Name of the data set.
        dim: Latent coordinates.
        epochs: Passes over the images.
        images: How many images to learn from and to measure on, at most.
        seed: Seed of everything drawn at random.
        preset: Recipe of the training.
    """

    data: str = "digits"
    dim: int = 16
    epochs: int = 2
    images: int = 1500
    seed: int = 0
    preset: Preset = "equivariant"

    def settings(self, pair: Pair) -> TrainSettings:
        """Settings of the training."""
        return TrainSettings(
            self.data, pair, preset=self.preset, dim=self.dim, epochs=self.epochs, seed=self.seed, device="cpu"
        )


@dataclass(frozen=True)
class Ranking:
    """One candidate.

    Attributes:
        pair: The initial pair.
        score: Mean of its ranks by all features; 1 is best by every one.
        features: The features; all are costs.
        reasons: What speaks for or against it, in a few words each.
        observed: Its total in the sweep, mean over seeds; None if it is not there.
    """

    pair: Pair
    score: float
    features: Features
    reasons: tuple[str, ...]
    observed: float | None = None


@dataclass(frozen=True)
class Predictor:
    """How well one way to rank initial pairs agrees with a sweep.

    Attributes:
        name: What ranks: the advice, one of its features, or something trivial.
        spearman: Spearman's rank correlation with the totals of the sweep, mean over targets, 0 for those where all
            pairs tie; None where they do for all.
        kendall: Kendall's τ, likewise.
        targets: How many targets that is the mean of.
    """

    name: str
    spearman: float | None
    kendall: float | None
    targets: int


@dataclass(frozen=True)
class Advice(PlainData):
    """Which initial pair to start from, and how far to trust that.

    Attributes:
        target: The pair to be drawn.
        mode: Mode of stage 3.
        candidates: The initial pairs, best first.
        predictors: The advice, its features and trivial predictors against a sweep; none without one.
        chance: Mean Spearman correlation over the same targets that only one random order in twenty exceeds; None
            without a sweep.
    """

    target: Pair
    mode: Mode
    candidates: tuple[Ranking, ...]
    predictors: tuple[Predictor, ...] = ()
    chance: float | None = None
    in_json = "target", "mode", "candidates", "predictors", "chance"

    @property
    def verdict(self) -> str:
        """Whether the advice agrees with the sweep better than chance, in one sentence."""
        own = next((item for item in self.predictors if item.name == ADVICE), None)
        if own is None or own.spearman is None or self.chance is None:
            return "The sweep has too few initial pairs to check the advice."
        better = "better than chance" if own.spearman > self.chance else "no better than chance may be"
        return (
            f"The advice correlates with the sweep at {own.spearman:.2f}, which is {better}: one random order in "
            f"twenty exceeds {self.chance:.2f}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | {"verdict": self.verdict if self.predictors else None}


def advise_pairs(
    target: Pair,
    candidates: Sequence[Pair],
    catalog: Catalog,
    short: ShortRun,
    *,
    data: Dataset,
    mode: Mode = "relabel",
    progress: SweepProgress = unseen,
) -> Advice:
    """Rank initial pairs for a target.

    Args:
        target: The pair to be drawn.
        candidates: The initial pairs.
        catalog: Augmentations and their laws.
        short: How to look at each.
        data: The data set.
        mode: Mode of stage 3.
        progress: Told after each short run.

    Raises:
        AugalgebraError: There is no candidate, or one cannot be trained.
    """
    looked = _look(candidates, [target], catalog, short, data, mode, progress)
    return Advice(target, mode, _ranked(looked[target], {}))


def advise_from(
    sweep: SweepResult,
    target: Pair,
    catalog: Catalog,
    short: ShortRun,
    *,
    data: Dataset,
    mode: Mode = "relabel",
    progress: SweepProgress = unseen,
) -> Advice:
    """Rank the initial pairs of a sweep for a target, and check such advice against all targets of the sweep.

    The sweep's own numbers do not enter the advice, only its pairs do.

    Raises:
        AugalgebraError: The sweep has no cell of this mode.
    """
    observed = observations(sweep, mode)
    if not observed:
        raise AugalgebraError(f"the sweep has no cell of mode {mode}; run it with --mode {mode}, or advise another")
    targets = list(dict.fromkeys([target, *observed]))
    looked = _look(sweep.settings.pairs, targets, catalog, short, data, mode, progress)
    predictions = {goal: predict(goal, looked[goal]) for goal in observed}
    predictors = check(predictions, observed)
    chance = chance_level(observed, seed=short.seed)
    return Advice(target, mode, _ranked(looked[target], observed.get(target, {})), predictors, chance)


def observations(sweep: SweepResult, mode: Mode) -> dict[Pair, dict[Pair, float]]:
    """Totals of a sweep by target and initial pair, each drawn by a new head: also the target's own pair."""
    found: dict[Pair, dict[Pair, float]] = {}
    for entry in sweep.entries:
        if entry.mode == mode:
            found.setdefault(entry.target, {})[entry.train] = entry.total.mean
    return found


def scores(features: Mapping[Pair, Features]) -> dict[Pair, float]:
    """Mean of the ranks that each feature gives; 1 is best, ties share their ranks.

    No weights are fitted, so that nothing can be tuned to a sweep.

    Args:
        features: Costs by pair and name; a native loss among them is left out, since it says nothing of the target.
    """
    from scipy.stats import rankdata

    pairs = list(features)
    names = [name for name in features[pairs[0]] if name != NATIVE_LOSS]
    # rounded, so that what differs by rounding errors alone, such as spectra of orthogonal operators, is a tie
    ranks = [rankdata([round(features[pair][name], _DIGITS) for pair in pairs]) for name in names]
    return {pair: float(mean) for pair, mean in zip(pairs, np.mean(ranks, axis=0), strict=True)}


def predict(target: Pair, features: Mapping[Pair, Features]) -> dict[str, dict[Pair, float]]:
    """Costs of each initial pair by every predictor: the advice, each feature alone, and the trivial ones."""
    alone = {
        str(name): {pair: round(values[name], _DIGITS) for pair, values in features.items()}
        for name in next(iter(features.values()))
    }
    return {
        ADVICE: scores(features),
        **alone,
        "always the flips": {pair: float(pair != FLIPS) for pair in features},
        "the target itself": {pair: float(pair != target) for pair in features},
    }


def check(
    predictions: Mapping[Pair, Mapping[str, Mapping[Pair, float]]], observed: Mapping[Pair, Mapping[Pair, float]]
) -> tuple[Predictor, ...]:
    """Rank correlation of every predictor with what was observed, mean over the targets that `chance_level` is of.

    Where a predictor takes all pairs for equal it has no order, which counts as a correlation of 0.

    Args:
        predictions: Costs by target, predictor and initial pair.
        observed: Totals by target and initial pair.
    """
    from scipy.stats import kendalltau, spearmanr

    names = dict.fromkeys(name for by_name in predictions.values() for name in by_name)
    found = []
    for name in names:
        both, ranked = [], 0
        for target, totals in observed.items():
            costs = predictions[target][name]
            pairs = [pair for pair in totals if pair in costs]
            first, second = [costs[pair] for pair in pairs], [totals[pair] for pair in pairs]
            if len(set(second)) < 2:  # nothing to rank
                continue
            tied = len(set(first)) < 2
            both.append((0, 0) if tied else (spearmanr(first, second).statistic, kendalltau(first, second).statistic))
            ranked += not tied
        means = [float(value) for value in np.mean(both, axis=0)] if ranked else [None, None]
        found.append(Predictor(name, means[0], means[1], len(both) if ranked else 0))
    return tuple(found)


def chance_level(observed: Mapping[Pair, Mapping[Pair, float]], *, seed: int = 0) -> float | None:
    """Mean Spearman correlation over the targets that random orders of the pairs exceed once in twenty times.

    Random orders are drawn anew for each target, and once for all of them; the larger bound counts. Where one pair is
    good for all targets and another bad, predictors and totals repeat themselves from target to target, and these are
    no independent trials; where the best pair is another for each target, no single order can be right.
    """
    from scipy.stats import rankdata

    rows = [totals for totals in observed.values() if len(set(totals.values())) > 1]
    if not rows:
        return None
    pairs = list(dict.fromkeys(pair for totals in rows for pair in totals))
    anew = np.random.default_rng(seed).random((len(rows), _SHUFFLES, len(pairs)))
    levels = []
    for drawn in (anew, np.broadcast_to(anew[0], anew.shape)):
        means = np.zeros(_SHUFFLES)
        for totals, costs in zip(rows, drawn, strict=True):
            # Spearman's is Pearson's correlation of ranks, here of one row with many orders at once
            middle = (len(totals) + 1) / 2
            ranks = rankdata(list(totals.values())) - middle
            orders = rankdata(costs[:, [pairs.index(pair) for pair in totals]], axis=1) - middle
            means += orders @ ranks / np.sqrt((orders[0] @ orders[0]) * (ranks @ ranks)) / len(rows)
        levels.append(float(np.quantile(means, _CONFIDENCE)))
    return max(levels)


def _look(
    candidates: Sequence[Pair],
    targets: Sequence[Pair],
    catalog: Catalog,
    short: ShortRun,
    data: Dataset,
    mode: Mode,
    progress: SweepProgress,
) -> dict[Pair, dict[Pair, Features]]:
    """Features by target and candidate, from one short run for each candidate."""
    if not candidates:
        raise AugalgebraError("name at least one pair to start from")
    part, begun = data.part(short.images), time.monotonic()
    found: dict[Pair, dict[Pair, Features]] = {target: {} for target in targets}
    progress(Standing(0, len(candidates), None))
    for number, pair in enumerate(candidates, 1):
        with tempfile.TemporaryDirectory(prefix="augalg-advise-") as scratch:
            run = train(Path(scratch) / "run", short.settings(pair), catalog, data=part)
        if run.ended != "limit":
            raise KeyboardInterrupt
        candidate = Candidate(run, part)
        for target in targets:
            found[target][pair] = candidate.features(target, mode)
        spent = time.monotonic() - begun
        progress(Standing(number, len(candidates), spent / number * (len(candidates) - number)))
    return found


def _ranked(features: Mapping[Pair, Features], observed: Mapping[Pair, float]) -> tuple[Ranking, ...]:
    means = scores(features)
    ranked = [
        Ranking(pair, means[pair], dict(values), reasons(values), observed.get(pair))
        for pair, values in features.items()
    ]
    return tuple(sorted(ranked, key=lambda item: (item.score, show_pair(item.pair))))
