"""Whether a change of condition changes what is drawn, as frozen judges see it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalgebra.plain import PlainData
from augalgebra.seeds import generator_for

Draw = Callable[[int, Int64[Tensor, " image"]], Float[Tensor, "image channel height width"]]
"""Draws all test images in a view, by its number, with given classes."""

FOLDS = 5
_SEEN = 0.5


@dataclass(frozen=True)
class Control(PlainData):
    """What becomes of images of some views when the class is changed in the condition.

    Attributes:
        model: What draws.
        inputs: ``original`` or ``augmented``.
        asked: Share that then shows the class that was asked for.
        kept: Share that still shows the class of the input.
        unchanged: Share that shows it when the class is not changed.
        view: Share that shows the view it should.
        view_unchanged: The same when the class is not changed.
        ceiling: Share of true images of which the judge knows the class.
        view_ceiling: Share of true images of which the judge knows the view.
    """

    model: str
    inputs: str
    asked: float
    kept: float
    unchanged: float
    view: float
    view_unchanged: float
    ceiling: float
    view_ceiling: float

    @property
    def told_apart(self) -> bool:
        """Whether unchanged images are drawn so well, and judged so well, that a change would be seen at all."""
        return min(self.unchanged, self.view_unchanged, self.ceiling, self.view_ceiling) > _SEEN


def other_classes(labels: Int64[Tensor, " image"], known: tuple[int, ...], seed: int) -> Int64[Tensor, " image"]:
    """Another class for each image, drawn at random."""
    table = torch.tensor(known)
    shift = torch.randint(1, len(known), labels.shape, generator=generator_for(seed, "other classes"))
    place = (labels.cpu()[:, None] == table).int().argmax(1)
    return table[(place + shift) % len(known)].to(labels.device)


def class_control(
    networks: BaselineNetworks, model: str, draw: Draw, known: tuple[int, ...]
) -> tuple[Control, Control]:
    """Change the class of all test images in all views.

    Args:
        networks: What is compared.
        model: What draws.
        draw: Draws them.
        known: All classes.

    Returns:
        What became of originals, and of augmented images.
    """
    labels = networks.test.labels
    asked = other_classes(labels, known, networks.seed)
    counts = []
    for view, true in enumerate(networks.shown):
        changed, same = draw(view, asked.to(networks.device)), draw(view, labels.to(networks.device))
        classes = networks.classifiers.classes(changed, view)
        counts.append(
            {
                "asked": classes == asked,
                "kept": classes == labels,
                "unchanged": networks.classifiers.classes(same, view) == labels,
                "view": networks.classifiers.view_numbers(changed) == view,
                "view_unchanged": networks.classifiers.view_numbers(same) == view,
                "ceiling": networks.classifiers.classes(true, view) == labels,
                "view_ceiling": networks.classifiers.view_numbers(true) == view,
            }
        )

    def shares(parts: list[dict[str, Tensor]]) -> dict[str, float]:
        return {name: float(torch.stack([part[name] for part in parts]).float().mean()) for name in parts[0]}

    return Control(model, "original", **shares(counts[:1])), Control(model, "augmented", **shares(counts[1:]))


def probe_accuracy(codes: Float[Tensor, "view image latent"]) -> float:
    """How well a linear map of the code tells the view, on images it was not fitted on; chance is 1 / views.

    Logistic regression on standardised codes, cross-validated with all views of an image in one fold.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    views, images, _ = codes.shape
    view, image = torch.meshgrid(torch.arange(views), torch.arange(images), indexing="ij")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    scores = cross_val_score(
        probe,
        codes.flatten(0, 1).double().cpu().numpy(),
        view.flatten().numpy(),
        groups=image.flatten().numpy(),
        cv=GroupKFold(min(FOLDS, images)),
    )
    return float(scores.mean())


def mean_of(values: Iterable[float]) -> float:
    """The mean; not a number if there are none."""
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else float("nan")
