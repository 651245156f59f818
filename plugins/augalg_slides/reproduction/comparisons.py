"""The comparisons of latent spaces side by side: what each is about, how it is measured and how it is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalg_slides.evidence.comparison import Comparison
from augalg_slides.pages.combined import combined_on, draw_combined
from augalg_slides.pages.cvae import cvae_on, draw_cvae
from augalg_slides.pages.involution import draw_involution, involution_on
from augalg_slides.pages.mlp import draw_nonlinear, nonlinear_on

ComparisonName = Literal["cvae", "combined", "involution", "mlp"]


@dataclass(frozen=True)
class ComparisonKind:
    """One comparison.

    Attributes:
        title: Its heading.
        slides: Which slides make the claims.
        about: What is done, in a few sentences.
        caption: What its picture shows.
        share: How much of the time of all experiments it takes, about.
        measure: Measures it; networks that are trained already are not trained again.
        draw: Writes the picture of a result as PNG.
    """

    title: str
    slides: str
    about: str
    caption: str
    share: float
    measure: Callable[[BaselineNetworks], Comparison]
    draw: Callable[[Any, Path], Path]


COMPARISONS: Mapping[ComparisonName, ComparisonKind] = {
    "cvae": ComparisonKind(
        "Conditional autoencoders",
        "14-16",
        "CVAEs that are told the class, the augmentation or both, with the network, optimiser and budget of the "
        "LAVAEs beside them. A judge that knows class and view of true images says what a changed condition "
        "changes.",
        "Gap ratio of the product, what a changed class changes, how well views are told from codes, and pictures.",
        50,
        cvae_on,
        draw_cvae,
    ),
    "combined": ComparisonKind(
        "Conditions and operators in one model",
        "17",
        "Class by condition, augmentations by operators: fitted afterwards, and trained together; and with charts of "
        "each class, through which codes are brought to another class before they are moved.",
        "Gap ratio of the product, and what a changed class changes after codes were moved; pictures below.",
        15,
        combined_on,
        draw_combined,
    ),
    "involution": ComparisonKind(
        "The involutory loss",
        "22",
        "Stage 2 as published with growing weights of ‖I − L²‖², beside fits in closed form that are involutions "
        "exactly; all on one encoder.",
        "Gap ratios of L, L² and the inverse against the weight of the loss, closed forms beside them.",
        20,
        involution_on,
        draw_involution,
    ),
    "mlp": ComparisonKind(
        "A network in place of the matrix",
        "7",
        "A small network that moves codes, beside the best matrix, in two and in more dimensions.",
        "A network in place of the matrix, in two and in more dimensions: R², and gap ratios once, twice, composed.",
        20,
        nonlinear_on,
        draw_nonlinear,
    ),
}
"""All comparisons, in the order of the report."""
