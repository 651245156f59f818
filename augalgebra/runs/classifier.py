"""A small classifier of pixels, frozen once it is trained: a judge of what drawn images still show."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.cases import exact_form
from augalgebra.data.dataset import Split
from augalgebra.errors import DataError
from augalgebra.latent.networks import Encoder, make_module
from augalgebra.seeds import generator_for

WIDTH = 32
"""Channels of the first convolution."""
BATCH, LEARNING_RATE = 128, 3e-3
PASSES, FEWEST, MOST = 40, 50, 3000
"""Passes over the data, and the fewest and most steps that are made of them."""
MOST_POWERS = 8
"""Powers of a word that the classifier learns, where the word has no smaller period."""


class PixelClassifier:
    """Classes of images by two strided convolutions and a linear map.

    Args:
        network: Images to one number for each class.
        labels: The label of each class.

    Attributes:
        labels: The label of each class.
    """

    def __init__(self, network: nn.Module, labels: Int64[Tensor, " class"]) -> None:
        self._network = network.eval().requires_grad_(requires_grad=False)
        self.labels = labels

    def __call__(self, images: Float[Tensor, "batch channel height width"]) -> Int64[Tensor, " batch"]:
        """The label of each image."""
        return self.labels.to(images.device)[self.probabilities(images).argmax(1)]

    @torch.no_grad()
    def probabilities(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch class"]:
        """How likely it takes each class to be, in the order of `labels`."""
        scores: Tensor = self._network(images)[0]
        return scores.softmax(1)


def powers_of(catalog: Catalog, word: Word, most: int = MOST_POWERS) -> tuple[Word, ...]:
    """The empty word, the word and its powers, until one of them equals an earlier one by the exact laws."""
    system = catalog.system(word)
    forms: dict[Word, Word] = {}
    for exponent in range(most):
        power = word**exponent
        form = exact_form(system, power)
        if form in forms:
            break
        forms[form] = power
    return tuple(forms.values())


def train_classifier(
    split: Split,
    catalog: Catalog,
    views: Sequence[Word],
    *,
    seed: int = 0,
    steps: int | None = None,
    device: torch.device | str = "cpu",
) -> PixelClassifier:
    """Train a classifier on images under some words, so that what those words do to an image is nothing new to it.

    Args:
        split: Images with their labels.
        catalog: Applies the words.
        views: The words; each batch is seen under one of them, in turn.
        seed: Seed of everything that is random.
        steps: How long to train; by default as the size of the data suggests.
        device: Where.

    Raises:
        DataError: All images have one label.
    """
    labels, classes = torch.unique(split.labels, return_inverse=True)
    if len(labels) < 2:
        raise DataError("a classifier needs images of at least two labels")
    if steps is None:
        steps = min(MOST, max(FEWEST, PASSES * len(split) // BATCH))
    channels, height, width = split.images.shape[1:]
    # Of the numbers that an encoder gives, the first half serve as scores.
    shape = channels, height, width
    network = make_module(lambda: Encoder(shape, len(labels), WIDTH), generator_for(seed, "classifier weights")).to(
        device
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        chosen = torch.randint(len(split), (BATCH,), generator=generator_for(seed, "classifier images", step))
        images, ids = split.batch(chosen)
        seen = catalog.apply(views[step % len(views)], images, seed=seed, ids=ids)
        scores, _ = network(seen.to(device))
        loss = functional.cross_entropy(scores, classes[chosen].to(device))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    return PixelClassifier(network, labels)
