"""Training of a causal model from images and labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from augalgebra.causal.discovery import GraphSearch
from augalgebra.causal.mechanisms import Mechanisms
from augalgebra.causal.model import QUANTILES, CausalArchitecture, CausalModel
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
SEARCH = 0.4
"""Share of the training after which the graph that was learned stays as it is."""
FEWEST = 10
"""Labels that there must be."""


@dataclass(frozen=True)
class CausalResult:
    """A trained causal model.

    Attributes:
        model: The model.
        outcome: What the loop did.
        strengths: How strong each edge was before the weak ones were left out, ``[cause, effect]``.
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
    """All that is learned: the model, and the state of the search for its graph.

    Attributes:
        model: The model.
        search: The search.
    """

    def __init__(self, model: CausalModel, search: GraphSearch) -> None:
        super().__init__()
        self.model, self.search = model, search


class CausalObjective:
    """The evidence bound, with the mechanisms as the prior of the concepts, and concepts tied to their labels."""

    def __init__(
        self,
        learner: Learner,
        split: Split,
        labels: Float[Tensor, "image concept"],
        seen: Bool[Tensor, " image"],
        settings: CausalSettings,
        *,
        bfloat16: bool,
    ) -> None:
        """Prepare.

        Args:
            learner: What is learned.
            split: The images.
            labels: Their labels in standard units.
            seen: Which labels may be looked at.
            settings: What is asked for.
            bfloat16: Whether to compute products in bfloat16.
        """
        self._learner, self._model, self._split = learner, learner.model, split
        self._labels, self._seen, self._rows = labels, seen, seen.nonzero().squeeze(1)
        self._settings, self._bfloat16 = settings, bfloat16

    def __call__(self, step: Step) -> Measurement:
        """The terms of the loss of some images."""
        model, device, count = self._model, step.noise.device, len(self._model.concepts)
        mechanisms = model.mechanisms
        if step.fraction >= SEARCH:
            self._learner.search.settle(mechanisms, self._settings.threshold)
        images, _ = self._split.batch(step.positions)
        images = images.to(device)
        with autocast(device, bfloat16=self._bfloat16):
            mean, log_variance = model.posterior(images)
            latents = sample(mean, log_variance, step.noise)
            logits = model.logits(latents[:, :count], latents[:, count:])
        terms = {
            "reconstruction": model.likelihood.surprise(logits, images),
            "divergence": divergence(mean[:, count:], log_variance[:, count:])
            + _divergence(mechanisms, latents[:, :count], mean[:, :count], log_variance[:, :count]),
        }
        labels, seen = self._labels[step.positions].to(device), self._seen[step.positions].to(device)
        if bool(seen.any()):
            terms["labels"] = _tie(mean[seen, :count], labels[seen])
        some = torch.randint(len(self._rows), (LABELS,), generator=step.noise, device=device)
        terms["mechanisms"] = surprise(mechanisms, self._labels[self._rows[some.cpu()]].to(device))
        terms |= self._learner.search.terms(mechanisms, self._settings.sparsity)
        return Measurement(terms, len(images))


def prepare(data: Dataset, settings: CausalSettings) -> Learner:
    """A model with random weights that knows means and ranges of the labels.

    Raises:
        DataError: Labels are missing, wrong, or too few.
        AugalgebraError: The settings do not fit the data.
    """
    settings = settings.for_factors(data.train.factors)
    architecture = CausalArchitecture(
        data.image_shape,
        settings.concepts,
        settings.mechanisms,
        settings.rest,
        settings.width,
        settings.waves,
        settings.likelihood,
    )
    labels = read_labels(data.train, settings.concepts)[seen_labels(len(data.train), settings)]
    model = CausalModel(architecture, settings.prior, seed=settings.seed)
    deviation = labels.std(0)
    for concept, spread in zip(settings.concepts, deviation.tolist(), strict=True):
        if not spread > 0:
            raise DataError(f"all labels of {concept} are the same; nothing can be learned of it")
    for name, values in (
        ("mean", labels.mean(0)),
        ("deviation", deviation),
        ("low", labels.amin(0)),
        ("high", labels.amax(0)),
    ):
        model.get_buffer(name).copy_(values)
    search = GraphSearch(len(settings.concepts), is_given=settings.prior is not None and settings.prior.is_given)
    return Learner(model, search).to(device_of(settings.device))


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
        CausalObjective(learner, data.train, labels, seen, settings, bfloat16=bfloat16),
        samples=samples,
        batch_size=settings.batch_size,
        limit=Limit(
            epochs=None
            if settings.steps is None
            else math.ceil(settings.steps / math.ceil(samples / settings.batch_size)),
            seconds=settings.seconds,
        ),
        seed=settings.seed,
        schedule="cosine",
        device=device,
    )


@torch.no_grad()
def finish(learner: Learner, data: Dataset, settings: CausalSettings, outcome: Outcome) -> CausalResult:
    """Leave out weak edges, if that was not done before, and see what noise the labels have.

    Args:
        learner: What was trained.
        data: What it was trained on.
        settings: What was asked for.
        outcome: What the loop did.
    """
    model, search = learner.model, learner.search
    search.settle(model.mechanisms, settings.threshold)
    if not bool(search.strengths.any()):  # the graph was given
        search.strengths.copy_(model.mechanisms.weights())
    labels = read_labels(data.train, model.concepts)[seen_labels(len(data.train), settings)].float()
    noise = model.mechanisms.noise(model.to_standard(labels.to(model.mean)))
    shares = torch.linspace(0, 1, QUANTILES, device=noise.device)
    model.quantiles.copy_(noise.quantile(shares, dim=0).T)
    model.eval().requires_grad_(requires_grad=False)
    return CausalResult(model, outcome, search.strengths.cpu().clone())


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


def _divergence(mechanisms: Mechanisms, drawn: Tensor, mean: Tensor, log_variance: Tensor) -> Float[Tensor, ""]:
    """KL divergence of the posterior of concepts from what their causes let expect, in nats per image."""
    log_scale = mechanisms.log_scale
    squares = (mean - mechanisms.expect(drawn)).square() + log_variance.exp()
    terms = squares * (-2 * log_scale).exp() - 1 - log_variance + 2 * log_scale
    return 0.5 * terms.sum() / len(mean)


def _tie(read: Float[Tensor, "batch concept"], labels: Float[Tensor, "batch concept"]) -> Float[Tensor, ""]:
    """Negative log likelihood of labels as the encoder reads them, with the best deviation for each concept."""
    errors = (read - labels).square().mean(0).clamp_min(1e-8)
    return 0.5 * (errors.log() + 1 + math.log(2 * math.pi)).sum()
