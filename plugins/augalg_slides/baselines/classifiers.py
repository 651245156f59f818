"""Frozen judges of what is drawn: which class it shows, and which view."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra import IDENTITY
from augalgebra.consistency import find_undoing_word
from augalgebra.data import Split
from augalgebra.runs import PixelClassifier, train_classifier
from augalgebra.training import Views

_LEARNED = 5000
"""Images that a judge of views learns from."""


@dataclass(frozen=True, eq=False)
class Classifiers:
    """What a judge says is worth no more than its accuracy on true images, which is measured with it.

    Attributes:
        views: The views.
        classifier: Knows classes, of originals if every view can be undone on the pixels, else of all views.
        detector: Knows which of the views an image is.
    """

    views: Views
    classifier: PixelClassifier
    detector: PixelClassifier

    @classmethod
    def train(
        cls, split: Split, views: Views, *, seed: int = 0, steps: int | None = None, device: torch.device | str = "cpu"
    ) -> "Classifiers":
        """Train both on true images.

        Args:
            split: Images with their classes.
            views: The views.
            seed: Seed of everything that is random.
            steps: How long to train each; by default as the size of the data suggests.
            device: Where.

        Raises:
            DataError: All images have one class.
        """
        catalog = views.catalog
        undone = all(find_undoing_word(catalog, word) is not None for word in views.words)
        known = (IDENTITY,) if undone else views.words
        classifier = train_classifier(split, catalog, known, seed=seed, steps=steps, device=device)
        images, ids = split.sample(_LEARNED).batch(slice(None))
        made = (views.make(images, ids) * 255).round().byte()
        numbers = torch.arange(len(views)).repeat_interleave(len(images))
        seen = Split(made.flatten(0, 1), numbers)
        return cls(
            views, classifier, train_classifier(seen, catalog, (IDENTITY,), seed=seed, steps=steps, device=device)
        )

    def classes(self, images: Float[Tensor, "batch channel height width"], view: int) -> Int64[Tensor, " batch"]:
        """The class of each image of a view; the view is undone first where exact laws say how.

        Args:
            images: The images.
            view: Number of the view that they should be.
        """
        catalog = self.views.catalog
        back = find_undoing_word(catalog, self.views.words[view])
        if back:
            images = catalog.apply(back, images)
        return self.classifier(images).cpu()

    def view_numbers(self, images: Float[Tensor, "batch channel height width"]) -> Int64[Tensor, " batch"]:
        """The number of the view that each image looks like."""
        return self.detector(images).cpu()
