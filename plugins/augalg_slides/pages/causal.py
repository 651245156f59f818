"""Causal models of pendulums and of digits: what the slides claim of them, and a published benchmark beside."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.evidence.claims import Claim
from augalgebra.causal import (
    CausalReport,
    CounterfactualScore,
    Learner,
    area_under_curve,
    hamming_distance,
    known_graph,
)
from augalgebra.data import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.plain import PlainData, finite
from augalgebra.runs import CausalRun, ConceptBlocks, PixelClassifier

READ, BLURRED = 0.1, 0.5
"""Deviations of a concept within which it counts as read or as kept; beyond the second it does not."""
NEARER = 0.5
"""Share of the error of doing nothing below which a picture of an edited world counts as drawn."""
CONCEPTS_OF_STROKES = ("thickness", "intensity")
"""Those of the benchmark that are numbers."""
_SHADES = 255
_NEIGHBOURS = 8


@dataclass(frozen=True)
class Published(PlainData):
    """A row of the benchmark of counterfactual images (Melistas et al. 2024, https://arxiv.org/abs/2403.20287).

    On MNIST with thickness and intensity set by the equations of Pawlowski et al. 2020; the digit is a concept there.

    Attributes:
        composition: Mean absolute difference, in shades, after one null intervention and after ten.
        thickness: Mean absolute error of the thickness of a counterfactual, in pixels.
        intensity: That of its intensity, in shades.
        digit: Share of counterfactuals in which the digit is seen.
        fid: Fréchet inception distance.
    """

    composition: tuple[float, float]
    thickness: float
    intensity: float
    digit: float
    fid: float


PUBLISHED = {
    "VAE": Published((2.60, 7.70), 0.109, 5.33, 0.775, 10.12),
    "HVAE": Published((0.438, 1.550), 0.086, 3.52, 0.972, 5.36),
}
"""The published rows by model."""


@dataclass(frozen=True)
class LearnedGraph(PlainData):
    """A graph that was learned, beside the true one.

    Attributes:
        seed: The seed it was learned with.
        distance: Structural Hamming distance.
        area: Area under the ROC curve of the strengths of edges; None where it is not defined.
        weakest: Strength of the weakest edge of the true graph, before weak ones were left out.
        strongest: That of the strongest other one.
    """

    seed: int
    distance: int
    area: float | None
    weakest: float
    strongest: float


@dataclass(frozen=True)
class StrokesFindings(PlainData):
    """What was measured of a causal model of digits.

    Attributes:
        composition: Mean absolute difference, in shades, after one null intervention and after ten.
        errors: By concept, mean absolute error of what is read off the counterfactual in which it was set: thickness in
            pixels, intensity in shades.
        digit: Share of counterfactuals in which a frozen classifier sees the digit of the picture.
        digit_floor: The same of pictures that were only encoded and decoded.
        digit_true: The same of the pictures.
        unread: Share of these counterfactuals off which what was set could not be read; errors leave them out.
    """

    composition: tuple[float, float]
    errors: Mapping[str, float]
    digit: float
    digit_floor: float
    digit_true: float
    unread: float


def measure_graph(learner: Learner, data: Dataset, seed: int) -> LearnedGraph:
    """A graph that was learned, beside the true one.

    Args:
        learner: What `augalgebra.causal.prepare` made.
        data: The data set that it was made for.
        seed: The seed it was made with.

    Raises:
        AugalgebraError: The true graph is not known.
    """
    strengths = learner.strengths.abs().cpu().double().numpy()
    truth = known_graph(data.truth, learner.model.concepts)
    if truth is None:
        raise AugalgebraError(f"the true graph of {', '.join(learner.model.concepts)} is not known")
    edges, pairs = truth.matrix, ~np.eye(len(strengths), dtype=bool)
    return LearnedGraph(
        seed,
        hamming_distance(learner.model.graph, truth),
        finite(area_under_curve(strengths, truth)),
        float(strengths[edges].min()),
        float(strengths[pairs & ~edges].max()),
    )


def left_unexplained(factors: Mapping[str, Float[Tensor, " image"]]) -> dict[tuple[str, tuple[str, ...]], float]:
    """How much of the variance of each factor two others leave unexplained.

    It is predicted as the mean of the other images that are nearest in these two.

    Args:
        factors: A number for each image, by name.

    Returns:
        The share by factor and the two others.
    """
    from sklearn.neighbors import NearestNeighbors  # heavy

    columns = {name: ((values - values.mean()) / values.std()).double().numpy() for name, values in factors.items()}
    found: dict[tuple[str, tuple[str, ...]], float] = {}
    for pair in itertools.combinations(columns, 2):
        nearest = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(np.stack([columns[name] for name in pair], 1))
        rows = nearest.kneighbors(return_distance=False)  # of each image, which is none of its own
        for name in columns:
            if name not in pair:
                found[name, pair] = float(np.square(columns[name][rows].mean(1) - columns[name]).mean())
    return found


def pendulum_claims(
    run: CausalRun, report: CausalReport, blocks: ConceptBlocks, graphs: Sequence[LearnedGraph]
) -> tuple[Claim, ...]:
    """What the slides claim of causal models, beside what was measured of pendulums.

    Args:
        run: A run whose graph was learned.
        report: What was measured of it.
        blocks: Its latent space, in parts.
        graphs: Graphs that were learned as that of the run, with other seeds.
    """
    return (
        _compressed(run, report),
        _discovered(graphs, run.settings.threshold),
        _outside(report),
        _entangled(run, report),
        _partitioned(report, blocks),
    )


def _compressed(run: CausalRun, report: CausalReport) -> Claim:
    model = run.model
    spread = dict(zip(model.concepts, model.deviation.tolist(), strict=True))
    read = {concept: error / spread[concept] for concept, error in report.reading.items()}
    return Claim(
        "3",
        "An autoencoder with a causal model in its latent space compresses labelled images into concepts",
        f"the encoder reads concepts of test images up to {_listed(read)} deviations, on average",
        _within(_worst(read.values())),
        {f"error of {concept}, deviations": value for concept, value in read.items()},
    )


def _discovered(graphs: Sequence[LearnedGraph], threshold: float) -> Claim:
    right = [graph.distance == 0 for graph in graphs]
    areas = [graph.area for graph in graphs if graph.area is not None]
    numbers = {
        "Hamming distance": float(np.mean([graph.distance for graph in graphs])),
        "area under the curve": float(np.mean(areas)) if areas else math.nan,
        "weakest true edge": min(graph.weakest for graph in graphs),
        "strongest other edge": max(graph.strongest for graph in graphs),
    }
    return Claim(
        "3",
        "The adjacency matrix is learned with only endogenous and exogenous (parent and child) priors",
        f"structural Hamming distance to the true graph {', '.join(str(graph.distance) for graph in graphs)} with "
        f"seeds {', '.join(str(graph.seed) for graph in graphs)}; edges below {threshold:g} deviations are left out, "
        f"the weakest true one had {numbers['weakest true edge']:.2f}, the strongest other one "
        f"{numbers['strongest other edge']:.2f}",
        True if all(right) else None if any(right) else False,
        numbers,
    )


def _outside(report: CausalReport) -> Claim:
    scores = [score for score in report.edits if score.changes]  # else there is nothing outside of what was seen
    worst = max(scores, key=lambda score: score.error / score.identity, default=None)
    holds = None
    if worst is not None:
        drawn = worst.error < NEARER * worst.identity
        holds = True if drawn else False if worst.error >= worst.identity else None
    told = "no edge was learned that could be cut and does anything"
    if worst is not None:
        told = (
            f"with edges cut one by one, the worst, {worst.name}: error {worst.error:.5f} from the true pictures of "
            f"that world, floor {worst.floor:.5f}, doing nothing {worst.identity:.5f}"
        )
    return Claim(
        "3",
        "Modified models produce counterfactual images outside of the distribution",
        told,
        holds,
        {f"{score.name}: {name}": value for score in scores for name, value in _numbers(score).items()},
    )


def _entangled(run: CausalRun, report: CausalReport) -> Claim:
    """Effects set alone: what the decoder has learned of the relation would show the cause moved, or the effect not."""
    effects = {effect for _, effect in run.model.graph.edges}
    scores = [s for s in report.counterfactuals if s.name in {f"do({effect})" for effect in effects}]
    moved = {score.name: _worst(score.standard.values()) for score in scores}
    holds = None
    if scores:
        verdicts = {_within(value) for value in moved.values()}
        holds = False if verdicts == {True} and all(s.is_good for s in scores) else True if False in verdicts else None
    return Claim(
        "4",
        "Full causal disentanglement is not possible: latent variables are not aligned, and the decoder learns "
        "functional relationships",
        "effects set without their causes: "
        + "; ".join(
            f"{score.name} {score.ratio:.3f} of the floor, concepts read back within {moved[score.name]:.3f} deviations"
            for score in scores
        )
        if scores
        else "no effect was learned that could be set",
        holds,
        {f"{name}: worst concept, deviations": value for name, value in moved.items()}
        | {f"{score.name}: ratio": score.ratio for score in scores},
    )


def _partitioned(report: CausalReport, blocks: ConceptBlocks) -> Claim:
    single = [score for score in report.counterfactuals if "," not in score.name]
    good = [score for score in report.counterfactuals if score.is_good]
    drift = {axiom.concept: axiom.minimality for axiom in report.axioms if axiom.minimality == axiom.minimality}
    shares = ", ".join(f"{part.name} {part.share:.0%}" for part in blocks.parts)
    return Claim(
        "17",
        "Priors make the latent space of a causal model partitioned and interpretable, with better disentanglement",
        f"blocks of concepts by share of the variance: {shares}; {len(good)} of {len(report.counterfactuals)} "
        f"interventions on one or two concepts within 1.1 of the floor; what should stay drifts by "
        f"{_worst(drift.values()):.3f} deviations at most",
        True
        if len(good) == len(report.counterfactuals)
        else False
        if not any(score.is_good for score in single)
        else None,
        {f"{score.name}: ratio": score.ratio for score in report.counterfactuals}
        | {f"drift after {concept}": value for concept, value in drift.items()},
    )


@torch.no_grad()
def measure_digits(
    run: CausalRun, report: CausalReport, data: Dataset, classifier: PixelClassifier, *, images: int
) -> StrokesFindings:
    """What the benchmark measures, of a causal model of digits.

    Args:
        run: The run.
        report: What was measured of it.
        data: Its data set.
        classifier: Knows the digits.
        images: Test images.

    Raises:
        AugalgebraError: One of these concepts could not be set to what it is in other images.
    """
    split = data.test.sample(images)
    pictures, _ = split.batch(slice(None))
    generator = torch.Generator().manual_seed(run.settings.seed)
    others = torch.randperm(len(split), generator=generator)
    seen = [
        classifier(run.counterfactual(pictures, {concept: split.factors[concept][others].float()}).cpu())
        for concept in CONCEPTS_OF_STROKES
    ]
    once, often = (_SHADES * item.pixels for item in report.composition)
    by_name = {score.name: score for score in report.counterfactuals}
    for name in (f"do({concept})" for concept in CONCEPTS_OF_STROKES):
        if name not in by_name:
            raise AugalgebraError(f"{name} could not be measured: {report.left_out.get(name, 'it was not tried')}")
    scale = {"thickness": 1, "intensity": _SHADES}
    return StrokesFindings(
        (once, often),
        {name: by_name[f"do({name})"].readings[name] * scale[name] for name in CONCEPTS_OF_STROKES},
        float(torch.stack([labels == split.labels for labels in seen]).double().mean()),
        float((classifier(run.model.reconstruct(pictures.to(run.model.mean)).cpu()) == split.labels).double().mean()),
        float((classifier(pictures) == split.labels).double().mean()),
        float(np.mean([by_name[f"do({name})"].unread[name] for name in CONCEPTS_OF_STROKES])),
    )


def digits_claim(found: StrokesFindings, *, comparable: bool) -> Claim:
    """Where a causal model of digits stands beside the published ones.

    Args:
        found: What was measured.
        comparable: Whether on MNIST, as the published figures.
    """
    published, unread = PUBLISHED["VAE"], f", which cannot be read off {found.unread:.1%}" if found.unread else ""
    better = [
        found.composition[0] <= published.composition[0],
        found.errors["thickness"] <= published.thickness,
        found.errors["intensity"] <= published.intensity,
    ]
    return Claim(
        "3",
        "Counterfactuals of digits are at least as good as those of the published autoencoder (VAE of the benchmark)",
        f"composition {found.composition[0]:.2f} shades after one cycle, {found.composition[1]:.2f} after ten, error "
        f"of thickness {found.errors['thickness']:.3f} pixels, of intensity {found.errors['intensity']:.2f} "
        f"shades{unread}; digit seen in {found.digit:.1%} (encoded and decoded {found.digit_floor:.1%}, true "
        f"{found.digit_true:.1%})",
        None if not comparable else all(better) if all(better) or not any(better) else None,
        {
            "composition, one cycle": found.composition[0],
            "composition, ten cycles": found.composition[1],
            "thickness": found.errors["thickness"],
            "intensity": found.errors["intensity"],
            "digit": found.digit,
            "not read": found.unread,
        },
    )


def score_rows(scores: Sequence[CounterfactualScore]) -> tuple[tuple[str | float | None, ...], ...]:
    """Rows of a table: what was done, error, floor, ratio, and the error of doing nothing."""
    return tuple((score.name, score.error, score.floor, score.ratio, score.identity) for score in scores)


def _numbers(score: CounterfactualScore) -> dict[str, float]:
    return {"error": score.error, "floor": score.floor, "nothing": score.identity}


def _worst(values: Iterable[float]) -> float:
    """The largest; NaN where one is none, or there are none."""
    numbers = list(values)
    return max(numbers) if numbers and not any(map(math.isnan, numbers)) else math.nan


def _within(deviations: float) -> bool | None:
    return True if deviations <= READ else False if not deviations <= BLURRED else None


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())
