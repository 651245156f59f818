"""How good a causal model is: its counterfactuals beside true pictures, and the axioms that they should fulfil.

The axioms are those of Monteiro et al. 2023 (https://arxiv.org/abs/2303.01274): composition, reversibility and
effectiveness; minimality asks that nothing else changes.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.causal.dependence import FEWEST, information_coefficients
from augalgebra.causal.edits import Edit, World
from augalgebra.causal.graphs import area_under_curve, hamming_distance
from augalgebra.causal.model import CausalModel, EditedModel, Images
from augalgebra.causal.truth import Factors, Truth
from augalgebra.data.dataset import Split
from augalgebra.errors import AugalgebraError, DataError
from augalgebra.latent.likelihoods import squared_error
from augalgebra.plain import PlainData
from augalgebra.seeds import generator_for

CYCLES = (1, 10)
"""How often the null intervention is made for composition."""
IMAGES = 512
"""Test images that are measured on, unless something else is asked for."""
BAR = 1.1
"""Largest ratio of a counterfactual's error to the floor that counts as good."""
STILL = 1e-5
"""Mean squared difference of pixels below which a world counts as one in which pictures stay as they are."""

_Score = TypeVar("_Score")


@dataclass(frozen=True)
class CounterfactualScore(PlainData):
    """Counterfactuals of one kind, held against true pictures.

    Attributes:
        name: What was done, as in ``do(light)``, ``do(light, angle)`` or ``cut light>shadow_length``.
        error: Mean squared error of the counterfactuals.
        floor: That of encoding and decoding the true pictures.
        test_floor: That of encoding and decoding the test images that were started from.
        identity: That of leaving the pictures as they are.
        readings: By concept, mean absolute difference of what is read off the counterfactual from what is true there,
            in the units of the concept, over those off which it can be read; NaN if there are none. This is
            effectiveness for the concepts that were set, and minimality for those that should have stayed.
        standard: The same in standard deviations.
        unread: By concept, share of counterfactuals off which it could not be read.
    """

    name: str
    error: float
    floor: float
    test_floor: float
    identity: float
    readings: Mapping[str, float]
    standard: Mapping[str, float]
    unread: Mapping[str, float]

    in_json: ClassVar[tuple[str, ...]] = (
        "name",
        "error",
        "floor",
        "ratio",
        "test_floor",
        "test_ratio",
        "identity",
        "is_good",
        "readings",
        "standard",
        "unread",
    )

    @property
    def ratio(self) -> float:
        """Error over floor."""
        return self.error / max(self.floor, 1e-12)

    @property
    def test_ratio(self) -> float:
        """Error over the floor of test images."""
        return self.error / max(self.test_floor, 1e-12)

    @property
    def most_unread(self) -> float:
        """Share of counterfactuals off which one concept could not be read, of the concept where that is largest."""
        return max(self.unread.values(), default=0.0)

    @property
    def changes(self) -> bool:
        """Whether true pictures differ from those that were started from; else doing nothing is right."""
        return self.identity >= STILL

    def meets(self, bar: float) -> bool:
        """Whether the error is at most so many times the floor, and below that of leaving pictures as they are.

        A model that draws the same for everything is at its floor. Where nothing changes the floor alone counts.
        """
        return self.ratio <= bar and (not self.changes or self.error < self.identity)

    @property
    def is_good(self) -> bool:
        """Whether it meets `BAR`."""
        return self.meets(BAR)


@dataclass(frozen=True)
class CompositionScore(PlainData):
    """The null intervention, made some times one after the other.

    Attributes:
        times: How often.
        pixels: Mean absolute difference of a pixel from that of the first picture.
        codes: Mean absolute difference of what the encoder says of both, in standard deviations.
    """

    times: int
    pixels: float
    codes: float


@dataclass(frozen=True)
class AxiomScore(PlainData):
    """Reversibility and minimality of an intervention on one concept.

    Attributes:
        concept: The concept.
        reversibility: Mean absolute difference of a pixel after setting the concept to another value and back, from
            the first picture.
        reversibility_floor: That of encoding and decoding the first picture twice.
        minimality: Mean absolute difference, in standard deviations, between what is read off before and after, over
            all concepts that the intervention should not change; NaN if there are none.
        minimality_floor: That of a reconstruction.
    """

    concept: str
    reversibility: float
    reversibility_floor: float
    minimality: float
    minimality_floor: float


@dataclass(frozen=True)
class GraphScore(PlainData):
    """A graph beside the true one.

    Attributes:
        graph: The graph, as in ``light>shadow_length``.
        truth: The true one.
        distance: Structural Hamming distance.
        area: Area under the ROC curve of the strengths of edges; None where it is not defined.
    """

    graph: str
    truth: str
    distance: int
    area: float | None


@dataclass(frozen=True)
class CausalReport(PlainData):
    """All that was measured of a causal model.

    Attributes:
        images: How many test images it was measured on.
        reading: By concept, mean absolute error of the encoder on test images, in the units of the concept.
        information: By concept, MIC and TIC of its label and what the encoder reads, see
            `augalgebra.causal.dependence`; none of fewer than ten images.
        counterfactuals: Interventions on each concept and on pairs; none where no true pictures are known.
        edits: Edited graphs.
        composition: The null intervention.
        axioms: Reversibility and minimality, concept by concept.
        graph: The graph beside the true one; None where that is not known.
        left_out: By the name of what was not measured, why: of an edit, no true pictures of its world can be drawn, or
            nothing is known of them; of an intervention, there are no values that the model takes.
    """

    images: int
    reading: Mapping[str, float]
    information: Mapping[str, Mapping[str, float]]
    counterfactuals: tuple[CounterfactualScore, ...]
    edits: tuple[CounterfactualScore, ...]
    composition: tuple[CompositionScore, ...]
    axioms: tuple[AxiomScore, ...]
    graph: GraphScore | None
    left_out: Mapping[str, str] = field(default_factory=dict)

    in_json: ClassVar[tuple[str, ...]] = (
        "images",
        "reading",
        "information",
        "counterfactuals",
        "edits",
        "composition",
        "axioms",
        "graph",
        "left_out",
        "is_good",
    )

    @property
    def is_good(self) -> bool | None:
        """Whether every intervention on concepts is good; None where none was measured. Edits are no part of that."""
        return all(score.is_good for score in self.counterfactuals) if self.counterfactuals else None


@torch.no_grad()
def measure_causal(
    model: CausalModel,
    split: Split,
    truth: Truth | None,
    *,
    images: int | None = IMAGES,
    edits: Mapping[str, Sequence[Edit]] | None = None,
    strengths: Float[Tensor, "cause effect"] | None = None,
    seed: int = 0,
) -> CausalReport:
    """Measure a causal model on test images.

    Each concept is set to what it is in another test image drawn at random, of those in which it is near enough to what
    the model was trained on.

    Args:
        model: The model.
        split: Test images with factors.
        truth: What is true of them, see `truth_of`; None where that is not known.
        images: How many test images, if not all.
        edits: Edited graphs by name; those of `usual_edits` if None. One that has no true picture of some image is left
            out, see `CausalReport.left_out`.
        strengths: How strong each edge was before the weak ones were left out.
        seed: Seed of the values that concepts are set to.

    Raises:
        DataError: There are too few images, or their factors are not known.
    """
    part = split.sample(images)
    missing = [concept for concept in model.concepts if concept not in part.factors]
    if missing or len(part) < 2:
        what = f"labels of {', '.join(missing)}" if missing else "at least two images"
        raise DataError(f"measuring a causal model needs {what}")
    pictures = part.batch(slice(None))[0].to(model.mean)
    factors = {concept: part.factors[concept].double().cpu() for concept in model.concepts}
    read = model.encode(pictures).values.cpu().double()
    errors = {concept: read[:, place] - factors[concept] for place, concept in enumerate(model.concepts)}
    reading = {concept: float(error.abs().mean()) for concept, error in errors.items()}
    information = {
        concept: dict(
            zip(("mic", "tic"), information_coefficients(read[:, place].numpy(), labels.numpy()), strict=True)
        )
        for place, (concept, labels) in enumerate(factors.items())
        if len(part) >= FEWEST
    }
    composition = tuple(_compose(model, pictures, times) for times in CYCLES)
    usual = usual_edits(model)
    tried = usual if edits is None else edits
    if truth is None:
        unknown = dict.fromkeys((name for name in tried if name not in usual), "what is true in its world is not known")
        return CausalReport(len(part), reading, information, (), (), composition, (), None, unknown)
    bench = _Bench(model, pictures, factors, truth, seed)
    left_out = dict[str, str]()

    def measure(name: str, score: Callable[[], _Score]) -> tuple[_Score, ...]:
        try:
            return (score(),)
        except AugalgebraError as error:
            left_out[name] = str(error)
        return ()

    chosen = {f"do({', '.join(concepts)})": concepts for concepts in _choices(model.concepts)}
    return CausalReport(
        len(part),
        reading,
        information,
        tuple(s for name, them in chosen.items() for s in measure(name, partial(bench.intervene, name, them))),
        tuple(s for name, changes in tried.items() for s in measure(name, partial(bench.edit, name, changes))),
        composition,
        tuple(s for c in model.concepts for s in measure(f"{c}, there and back", partial(bench.axioms, c))),
        score_graph(model, truth, strengths),
        left_out,
    )


def usual_edits(model: CausalModel) -> dict[str, list[Edit]]:
    """Each edge cut, by what it is called."""
    edits = [Edit("cut", effect, cause) for cause, effect in model.graph.sorted_edges]
    return {str(edit): [edit] for edit in edits}


def score_graph(model: CausalModel, truth: Truth, strengths: Float[Tensor, "cause effect"] | None = None) -> GraphScore:
    """The graph of a model beside the true one.

    Args:
        model: The model.
        truth: What is true.
        strengths: How strong each edge was before the weak ones were left out.
    """
    weights = model.weights if strengths is None else strengths.double().numpy()
    area = area_under_curve(weights, truth.graph)
    distance = hamming_distance(model.graph, truth.graph)
    return GraphScore(str(model.graph), str(truth.graph), distance, None if math.isnan(area) else area)


class _Bench:
    """Some test images, and what is measured on them."""

    def __init__(self, model: CausalModel, images: Images, factors: Factors, truth: Truth, seed: int) -> None:
        self.model, self.images, self.factors, self.truth, self.seed = model, images, factors, truth, seed
        self.deviation = dict(zip(model.concepts, model.deviation.tolist(), strict=True))
        self.test_floor = float(squared_error(model.reconstruct(images), images).mean())

    def others(self, concept: str) -> Float[Tensor, " image"]:
        """The values of a concept in other images.

        Raises:
            DataError: The model takes none of them.
        """
        values = self.factors[concept]
        generator = generator_for(self.seed, f"values of {concept}")
        shift = torch.randint(1, len(values), (len(values),), generator=generator)
        drawn = values[(torch.arange(len(values)) + shift) % len(values)]
        far, near = ~self.model.accepts(concept, drawn), values[self.model.accepts(concept, values)]
        if not len(near):
            raise DataError(f"{concept} is too far beyond what the model was trained on in every test image")
        again = near[torch.randint(len(near), (len(values),), generator=generator)]
        return drawn.where(~far, again)

    def intervene(self, name: str, concepts: Sequence[str]) -> CounterfactualScore:
        """Set some concepts of each image to those of another.

        Raises:
            AugalgebraError: No test image has such values, or no true picture of one can be drawn.
        """
        values = {concept: self.others(concept) for concept in concepts}
        made = self.model.counterfactual(self.images, {c: v.to(self.images) for c, v in values.items()})
        world = World.of(self.truth.graph, [Edit("do", concept, number=value) for concept, value in values.items()])
        return self._score(name, made, world)

    def edit(self, name: str, edits: Sequence[Edit]) -> CounterfactualScore:
        """The images in an edited world.

        Raises:
            AugalgebraError: That world has no true picture of one of them.
        """
        made = EditedModel(self.model, tuple(edits)).counterfactual(self.images)
        return self._score(name, made, World.of(self.truth.graph, edits, idle_cuts=True))

    def axioms(self, concept: str) -> AxiomScore:
        """There and back; and what else changes on the way.

        Raises:
            AugalgebraError: A value is too far beyond what the model was trained on.
        """
        there = self.model.counterfactual(self.images, {concept: self.others(concept).to(self.images)})
        back = self.model.counterfactual(there, {concept: self.factors[concept].to(self.images)})
        changed = {concept, *self.truth.graph.descendants(concept)}
        once = self.model.reconstruct(self.images)
        twice = self.model.reconstruct(once)
        stay = [name for name in self.model.concepts if name not in changed]
        return AxiomScore(
            concept,
            float((back - self.images).abs().mean()),
            float((twice - self.images).abs().mean()),
            self._drift(there, stay),
            self._drift(once, stay),
        )

    def _drift(self, made: Images, concepts: Sequence[str]) -> float:
        """Mean absolute difference of readings from the factors of the images, in standard deviations."""
        found = self.truth.read(made.cpu())
        drifts = [(found[name] - self.factors[name]).abs().nanmean() / self.deviation[name] for name in concepts]
        return float(torch.stack(drifts).mean()) if drifts else math.nan

    def _score(self, name: str, made: Images, world: World) -> CounterfactualScore:
        true = self.truth.change(self.images, self.factors, world)
        wanted, found = self.truth.read(true.cpu()), self.truth.read(made.cpu())
        readings = {c: float((found[c] - wanted[c]).abs().nanmean()) for c in self.model.concepts}
        return CounterfactualScore(
            name,
            float(squared_error(made, true).mean()),
            float(squared_error(self.model.reconstruct(true), true).mean()),
            self.test_floor,
            float(squared_error(self.images, true).mean()),
            readings,
            {concept: reading / self.deviation[concept] for concept, reading in readings.items()},
            {concept: float(found[concept].isnan().double().mean()) for concept in self.model.concepts},
        )


def _compose(model: CausalModel, images: Images, times: int) -> CompositionScore:
    """Do nothing some times."""
    made, first = images, model.posterior(images)[0]
    for _ in range(times):
        made = model.counterfactual(made)
    codes = (model.posterior(made)[0] - first).abs().mean()
    return CompositionScore(times, float((made - images).abs().mean()), float(codes))


def _choices(concepts: Sequence[str]) -> list[tuple[str, ...]]:
    """Each concept, and each pair."""
    return [choice for size in (1, 2) for choice in itertools.combinations(concepts, size)]
