"""Training of a causal model from images and labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from augalgebra.causal.architecture import CausalArchitecture
from augalgebra.causal.discovery import GraphSearch, strongest
from augalgebra.causal.mechanisms import Mechanisms
from augalgebra.causal.model import QUANTILES, CausalModel
from augalgebra.causal.places import find_places
from augalgebra.causal.settings import CausalSettings
from augalgebra.data.dataset import Dataset, Split
from augalgebra.errors import DataError, nearest
from augalgebra.seeds import generator_for
from augalgebra.training.loop import Limit, Loop, Measurement, Outcome, Step
from augalgebra.training.losses import divergence, sample
from augalgebra.training.precision import autocast, bfloat16_pays, device_of
from augalgebra.training.progress import Progress, silent

STAGE = "causal model"
"""What reports and checkpoints of this training are called."""

LABELS = 512
"""Labels that mechanisms learn from in each step."""
SEARCH_STEPS = 1500
"""Steps of the search for a graph, which is on labels alone."""
FEWEST = 10
"""Labels that there must be."""
_SEARCH_RATE = 5e-3
_LEAST = 1e-6  # variance of noise that is taken for none
_TINY = 1e-30  # labels of a smaller range underflow, those beyond its inverse overflow
_FINEST = 1e-5  # of the largest label: a smaller range has few steps, as 32 bits tell 6e-8 apart
_SMALLEST = -12.0  # log variance of what the encoder reads


@dataclass(frozen=True)
class CausalResult:
    """A trained causal model.

    Attributes:
        model: The model.
        outcome: What the loop did.
        strengths: How strong each edge is, ``[cause, effect]``, see `Mechanisms.influence`; of a graph that was
            learned, how strong it was before the weak ones were left out.
    """

    model: CausalModel
    outcome: Outcome
    strengths: Float[Tensor, "cause effect"]


def read_labels(split: Split, concepts: Sequence[str]) -> Float[Tensor, "image concept"]:
    """The labels of images, in the units of the concepts, float64.

    Raises:
        DataError: Labels are missing, not one for each image, or not finite; the message says which.
    """
    columns = []
    for concept in concepts:
        if concept not in split.factors:
            near = nearest(concept, tuple(split.factors), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DataError(
                f"the images have no labels of {concept}{hint}; they have {', '.join(split.factors) or 'none'}"
            )
        values = torch.as_tensor(split.factors[concept])
        if tuple(values.shape) != (len(split),):
            shape = " × ".join(map(str, values.shape))
            raise DataError(f"{len(split)} images have {shape} labels of {concept}; each needs exactly one")
        wrong = ~torch.isfinite(values.double())
        if bool(wrong.any()):
            first = int(wrong.int().argmax())
            raise DataError(f"the label of {concept} of image {first} is {float(values[first])}; it must be finite")
        columns.append(values.double())
    return torch.stack(columns, 1)


class Learner(nn.Module):
    """All that is learned.

    Attributes:
        model: The model.
        strengths: How strong each edge was before the weak ones were left out, ``[cause, effect]``; 0 where the graph
            was given.
    """

    strengths: Float[Tensor, "cause effect"]

    def __init__(self, model: CausalModel, strengths: Float[Tensor, "cause effect"]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("strengths", strengths)


class CausalObjective:
    """The evidence bound of images some of which have labels.

    Where labels are seen, the picture is drawn from them, and the encoder learns to read them off it; where they are
    not, it is drawn from what the encoder reads, and the mechanisms are the prior of that (Kingma et al. 2014,
    https://arxiv.org/abs/1406.5298, with mechanisms in place of the prior of labels). So a value of a concept means
    what its labels mean, and the decoder never takes in what the encoder gets wrong.
    """

    def __init__(
        self,
        learner: Learner,
        split: Split,
        labels: Float[Tensor, "image concept"],
        seen: Bool[Tensor, " image"],
        *,
        bfloat16: bool,
    ) -> None:
        """Prepare.

        Args:
            learner: What is learned.
            split: The images.
            labels: Their labels in standard units.
            seen: Which labels may be looked at.
            bfloat16: Whether to compute products in bfloat16.
        """
        self._model, self._split, self._bfloat16 = learner.model, split, bfloat16
        self._labels, self._seen, self._rows = labels, seen, seen.nonzero().squeeze(1)

    def __call__(self, step: Step) -> Measurement:
        """The terms of the loss of some images."""
        model, device, count = self._model, step.noise.device, len(self._model.concepts)
        images = self._split.batch(step.positions)[0].to(device)
        labels, seen = self._labels[step.positions].to(device), self._seen[step.positions, None].to(device)
        with autocast(device, bfloat16=self._bfloat16):
            mean, log_variance = model.posterior(images)
            drawn = sample(mean, log_variance, step.noise)
            logits = model.logits(labels.where(seen, drawn[:, :count]), drawn[:, count:])
        named, spread = mean[:, :count], log_variance[:, :count].clamp_min(_SMALLEST)
        nats = _nats(named, spread, labels).where(seen, _divergence(model.mechanisms, drawn[:, :count], named, spread))
        some = self._rows[torch.randint(len(self._rows), (LABELS,), generator=step.noise, device=device).cpu()]
        return Measurement(
            {
                "reconstruction": model.likelihood.surprise(logits, images),
                "concepts": nats.sum() / len(images),
                "rest": divergence(mean[:, count:], log_variance[:, count:]),
                "mechanisms": surprise(model.mechanisms, self._labels[some].to(device)),
            },
            len(images),
        )


def prepare(data: Dataset, settings: CausalSettings) -> Learner:
    """A model with random weights that knows means and ranges of the labels, its graph, and where concepts show.

    The graph is learned from the labels, if it is not given: images tell nothing more of it.

    Raises:
        DataError: Labels are missing, wrong, or too few.
        AugalgebraError: The settings do not fit the data.
    """
    settings = settings.for_data(data)
    rest = settings.rest or 0
    architecture = CausalArchitecture(
        data.image_shape,
        settings.concepts,
        settings.mechanisms,
        rest,
        settings.width,
        settings.waves,
        settings.likelihood,
    )
    seen = seen_labels(len(data.train), settings)
    every = read_labels(data.train, settings.concepts)
    own = every[seen]
    for place, concept in enumerate(settings.concepts):
        _check_range(concept, every[:, place], own[:, place])
    model = CausalModel(architecture, settings.prior, seed=settings.seed)
    found = {"mean": own.mean(0), "deviation": own.std(0), "low": own.amin(0), "high": own.amax(0)}
    for name, values in found.items():
        model.get_buffer(name).copy_(values)
    labels, strengths = model.to_standard(own.float()), torch.zeros_like(model.mechanisms.edges, dtype=torch.float32)
    if settings.prior is not None and not settings.prior.is_given:
        strengths = learn_graph(model.mechanisms, labels, settings)
    if not rest:  # else places show what no concept names, too
        generator = generator_for(settings.seed, "where concepts show")
        model.show_at(find_places(data.train.images[seen], labels, model.graph, generator))
    return Learner(model, strengths).to(device_of(settings.device))


def _check_range(concept: str, labels: Float[Tensor, " image"], seen: Float[Tensor, " label"]) -> None:
    """See that numbers of 32 bits, in which models are trained, hold labels and tell them apart.

    Args:
        concept: Their concept.
        labels: All of them.
        seen: Those that are learned from.
    """
    low, high = float(seen.min()), float(seen.max())
    if low == high:
        raise DataError(f"all labels of {concept} are the same; nothing can be learned of it")
    least, most = float(labels.min()), float(labels.max())
    largest = max(-least, most)
    if largest > 1 / _TINY or high - low < max(_TINY, _FINEST * largest):
        raise DataError(
            f"the labels of {concept} reach from {least!r} to {most!r}, which numbers of 32 bits do not hold well "
            "enough; rescale them, so that they reach from 0 to 1 for example"
        )


def learn_graph(
    mechanisms: Mechanisms, labels: Float[Tensor, "image concept"], settings: CausalSettings
) -> Float[Tensor, "cause effect"]:
    """Learn mechanisms, and which edges there are, from labels; the weak edges are left out.

    Args:
        mechanisms: What is learned, in place.
        labels: The labels in standard units.
        settings: Sparsity, threshold and seed.

    Returns:
        How strong each edge was before.
    """
    search = GraphSearch()
    optimizer = torch.optim.Adam(mechanisms.parameters(), lr=_SEARCH_RATE)
    for step in range(SEARCH_STEPS):
        generator = generator_for(settings.seed, "search for a graph", step)
        for group in optimizer.param_groups:
            group["lr"] = _SEARCH_RATE * 0.5 * (1 + math.cos(math.pi * step / SEARCH_STEPS))
        some = torch.randint(len(labels), (LABELS,), generator=generator)
        batch = labels[some]
        # with the best deviation of the noise, which would take long to be learned where there is nearly none
        spread = (batch - mechanisms.expect(batch)).square().mean(0).clamp_min(_LEAST)
        terms = [0.5 * spread.log().sum(), *search.terms(mechanisms, settings.sparsity)]
        optimizer.zero_grad()
        torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        optimizer.step()
    with torch.no_grad():
        spread = (labels - mechanisms.expect(labels)).square().mean(0).clamp_min(_LEAST)
        mechanisms.log_scale.copy_(0.5 * spread.log())
    # by what edges do, since networks that take in much may answer little
    strengths = mechanisms.influence(labels, generator_for(settings.seed, "influence"))
    mechanisms.edges &= strongest(strengths, settings.threshold, mechanisms.concepts)
    return strengths


def seen_labels(images: int, settings: CausalSettings) -> Bool[Tensor, " image"]:
    """Which images' labels may be looked at.

    Raises:
        DataError: They are too few.
    """
    number = round(settings.labels * images)
    if number < FEWEST:
        raise DataError(f"{settings.labels:.2%} of {images} images are {number} labels; at least {FEWEST} are needed")
    order = torch.randperm(images, generator=generator_for(settings.seed, "labels that are seen"))
    seen = torch.zeros(images, dtype=torch.bool)
    seen[order[:number]] = True
    return seen


def causal_loop(learner: Learner, data: Dataset, settings: CausalSettings) -> Loop:
    """The training, ready to run.

    Args:
        learner: What `prepare` made of the same data and settings; it is trained in place.
        data: Images with factors.
        settings: What is asked for.
    """
    device = device_of(settings.device)
    bfloat16 = settings.precision == "bfloat16" or (settings.precision == "auto" and bfloat16_pays(device))
    labels = learner.model.to_standard(read_labels(data.train, learner.model.concepts).float().to(device)).cpu()
    seen, samples = seen_labels(len(data.train), settings), len(data.train)
    return Loop(
        STAGE,
        learner,
        torch.optim.AdamW(learner.parameters(), lr=settings.learning_rate, weight_decay=0.0, fused=True),
        CausalObjective(learner, data.train, labels, seen, bfloat16=bfloat16),
        samples=samples,
        batch_size=settings.batch_size,
        limit=Limit(steps=settings.steps, seconds=settings.seconds),
        seed=settings.seed,
        schedule="cosine",
        device=device,
    )


@torch.no_grad()
def finish(learner: Learner, data: Dataset, settings: CausalSettings, outcome: Outcome) -> CausalResult:
    """See what noise the labels have, and learn no more.

    Args:
        learner: What was trained.
        data: What it was trained on.
        settings: What was asked for.
        outcome: What the loop did.
    """
    model = learner.model
    labels = read_labels(data.train, model.concepts)[seen_labels(len(data.train), settings)].float()
    standard = model.to_standard(labels.to(model.mean))
    noise = model.mechanisms.noise(standard)
    shares = torch.linspace(0, 1, QUANTILES, device=noise.device)
    model.quantiles.copy_(noise.quantile(shares, dim=0).T)
    model.eval().requires_grad_(requires_grad=False)
    strengths = learner.strengths
    if not bool(strengths.any()):
        strengths = model.mechanisms.influence(standard, generator_for(settings.seed, "influence"))
    return CausalResult(model, outcome, strengths.cpu().clone())


def train_causal(data: Dataset, settings: CausalSettings, progress: Progress = silent) -> CausalResult:
    """Train a causal model.

    Args:
        data: Images with factors.
        settings: What is asked for.
        progress: Called after each step.

    Raises:
        DataError: Labels are missing, wrong, or too few.
        AugalgebraError: The settings do not fit the data.
        TrainingError: The loss was not finite.
    """
    learner = prepare(data, settings)
    outcome = causal_loop(learner, data, settings).run(progress)
    return finish(learner, data, settings, outcome)


def surprise(mechanisms: Mechanisms, labels: Float[Tensor, "batch concept"]) -> Float[Tensor, ""]:
    """Negative log likelihood of labels, in nats per image."""
    log_scale = mechanisms.log_scale
    terms = 0.5 * (labels - mechanisms.expect(labels)).square() * (-2 * log_scale).exp() + log_scale
    return terms.sum(1).mean() + 0.5 * math.log(2 * math.pi) * labels.shape[1]


def _divergence(
    mechanisms: Mechanisms, drawn: Tensor, mean: Tensor, log_variance: Tensor
) -> Float[Tensor, "batch concept"]:
    """KL divergence of the posterior of each concept from what its causes let expect."""
    log_scale = mechanisms.log_scale
    squares = (mean - mechanisms.expect(drawn)).square() + log_variance.exp()
    return 0.5 * (squares * (-2 * log_scale).exp() - 1 - log_variance) + log_scale


def _nats(mean: Tensor, log_variance: Tensor, labels: Tensor) -> Float[Tensor, "batch concept"]:
    """Negative log likelihood of labels as the encoder reads them."""
    return 0.5 * ((labels - mean).square() * (-log_variance).exp() + log_variance + math.log(2 * math.pi))
