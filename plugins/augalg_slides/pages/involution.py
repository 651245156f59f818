"""The involutory loss ‖I − L²‖² with a growing weight, beside involutions by construction (slide 22)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from augalg_slides.baselines.control import mean_of
from augalg_slides.baselines.scores import is_decided
from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import COLOURS, DPI, Comparison, Table
from augalgebra.algebra import IDENTITY, Word
from augalgebra.consistency import UnreducedOperators, measure_composition, measure_recursion
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError
from augalgebra.operators import EPOCHS, FitOptions, OperatorRegistry, exact_period
from augalgebra.plain import PlainData
from augalgebra.training import PUBLISHED, view_moments

WEIGHTS = (0.0, 0.01, 0.1, 1.0, 10.0, 100.0)
CLOSED = ("ridge", "procrustes", "involution", "representation")
REPEATS = 10
_ALIKE = 5e-3  # gap ratios that differ by less are as good as each other


@dataclass(frozen=True)
class Involutory(PlainData):
    """How far the operators of one fit are involutions, and what that is worth; means over the augmentations.

    Attributes:
        fit: The fit.
        weight: Weight of the involutory loss; None for closed forms.
        defect: ‖I − L²‖², the squared Frobenius norm.
        once: Gap ratio of L.
        still: What it would be if nothing were moved.
        twice: Gap ratio of L² against the original.
        back: Gap ratio of L⁻¹ from the augmented view; None if the operator is as good as singular.
        composed: Gap ratio of the product of the augmentations; None if only one of them is an involution.
        repeated: Gap ratio after ten repeats of DEC(ENC(·) L).
        powers: The same for DEC(z L¹⁰).
    """

    fit: str
    weight: float | None
    defect: float
    once: float
    still: float
    twice: float
    back: float | None
    composed: float | None
    repeated: float
    powers: float

    @property
    def name(self) -> str:
        """What a row of a table calls it."""
        return f"published, weight {self.weight:g}" if self.weight is not None else self.fit


@dataclass(frozen=True, kw_only=True)
class InvolutionResult(Comparison):
    """What was measured of the involutory loss.

    Attributes:
        fits: One for each weight, then the closed forms.
        augmentations: Those that are their own inverse.
    """

    fits: tuple[Involutory, ...]
    augmentations: tuple[str, ...]
    in_json = *Comparison.in_json, "augmentations", "fits"


@torch.no_grad()
def involution_on(
    networks: BaselineNetworks, weights: Sequence[float] = WEIGHTS, epochs: int = EPOCHS
) -> InvolutionResult:
    """Fit operators on one encoder with several weights of the involutory loss, and in closed form.

    Args:
        networks: Images, and what is shared; one of its augmentations must be its own inverse by exact laws.
        weights: Weights of the involutory loss.
        epochs: Passes of the published stage 2.

    Raises:
        AugalgebraError: No augmentation is an involution, or there is no weight.
    """
    letters = [word for word in networks.views.generators if exact_period(networks.catalog, word) == 2]
    if not letters:
        raise AugalgebraError(
            f"neither {' nor '.join(networks.size.augmentations)} is its own inverse by exact laws; "
            "take flip_lr or flip_ud"
        )
    if not weights or min(weights) < 0:
        raise AugalgebraError("name at least one weight of the involutory loss, none below 0")
    space = networks.lavae()
    fits = []
    for weight in weights:
        options = FitOptions(seed=networks.seed, weight=weight, epochs=epochs)
        fits.append(_measured(networks, networks.operators(space, PUBLISHED, options), letters, PUBLISHED, weight))
    # the group may be that of one of two augmentations, while operators are fitted for both
    group = networks.closed.group
    whole = group is not None and set(group.generators) == set(networks.closed.generators)
    for fit in CLOSED:
        if fit == "representation" and not whole:
            continue
        registry = networks.operators(space, fit) if len(letters) == 2 else _only(networks, fit, letters)
        fits.append(_measured(networks, registry, letters, fit, None))
    return InvolutionResult(
        name="involution",
        seed=networks.seed,
        images=len(networks.test),
        claims=_claims(fits),
        table=Table(
            ("fit", "‖I−L²‖²", "L", "L²", "L⁻¹", "product", f"{REPEATS} repeats", f"L^{REPEATS}"),
            tuple(
                (
                    item.name,
                    item.defect,
                    item.once,
                    item.twice,
                    item.back,
                    item.composed,
                    item.repeated,
                    item.powers,
                )
                for item in fits
            ),
        ),
        about=(
            f"Gap ratios (1 is as good as encoding and decoding the wanted view itself), means over "
            f"{' and '.join(map(networks.catalog.display, letters))}; all operators on one encoder. {REPEATS} repeats: "
            f"DEC(ENC(·) L) {REPEATS} times over; L^{REPEATS}: the code moved {REPEATS} times, then decoded."
        ),
        fits=tuple(fits),
        augmentations=tuple(map(networks.catalog.display, letters)),
    )


def _only(networks: BaselineNetworks, fit: str, letters: Sequence[Word]) -> OperatorRegistry:
    """Operators of some of the augmentations."""
    space = networks.lavae()
    registry = OperatorRegistry.of(space, networks.catalog)
    moments = view_moments(space, networks.closed, networks.dataset.train)
    registry.fit(moments, letters, fit, FitOptions(seed=networks.seed))
    return registry


def _measured(
    networks: BaselineNetworks, registry: OperatorRegistry, letters: Sequence[Word], fit: str, weight: float | None
) -> Involutory:
    images, ids = networks.test.batch(slice(None))
    images, operators, show = images.to(networks.device), UnreducedOperators(registry), networks.catalog.display
    product = letters[0] * letters[1] if len(letters) == 2 else None
    space = networks.lavae()
    report = measure_composition(
        space,
        operators,
        networks.catalog,
        images,
        letters,
        words=[IDENTITY, *letters, *(word**2 for word in letters), *([product] if product else [])],
        views=[IDENTITY, *letters],
        ids=ids,
        seed=networks.seed,
    )

    def gap(word: Word, view: Word = IDENTITY) -> float | None:
        score = report.get(show(word), show(view))
        return None if score is None else score.gap_ratio

    curves = [
        measure_recursion(
            space, operators, networks.catalog, images, word, repeats=REPEATS, ways=("plain", "latent"), ids=ids
        )
        for word in letters
    ]
    back = [gap(IDENTITY, word) for word in letters]
    return Involutory(
        fit=fit,
        weight=weight,
        defect=mean_of(involutory_loss(registry.operator(word, reduce=False).matrix) for word in letters),
        once=mean_of(gap(word) or float("nan") for word in letters),
        still=mean_of(score.identity_ratio for word in letters if (score := report.get(show(word))) is not None),
        twice=mean_of(gap(word**2) or float("nan") for word in letters),
        back=None if None in back else mean_of(value for value in back if value is not None),
        composed=None if product is None else gap(product),
        repeated=mean_of(curve.gap_ratio("plain") for curve in curves),
        powers=mean_of(curve.gap_ratio("latent") for curve in curves),
    )


def involutory_loss(matrix: np.ndarray[Any, Any]) -> float:
    """‖I − L²‖², the squared Frobenius norm that the slides add to the second stage.

    Examples:
        >>> involutory_loss(np.array([[0.0, 1.0], [1.0, 0.0]]))
        0.0
    """
    return float(np.sum((np.eye(len(matrix)) - matrix @ matrix) ** 2))


def _claims(fits: Sequence[Involutory]) -> tuple[Claim, ...]:
    swept = [item for item in fits if item.weight is not None]
    plain = min(swept, key=lambda item: item.weight or 0.0)
    weighted = [item for item in swept if item is not plain]
    closed = min((item for item in fits if item.fit in ("involution", "representation")), key=lambda item: item.twice)
    claims = []
    if weighted:
        nearest = min(weighted, key=lambda item: abs((item.weight or 0.0) - 1.0))
        claims.append(
            Claim(
                "22",
                "The involutory loss makes operators that undo themselves.",
                f"‖I−L²‖² is {plain.defect:.3g} with weight {plain.weight:g} and {nearest.defect:.3g} with weight "
                f"{nearest.weight:g}, the gap ratio of L² {plain.twice:.3f} and {nearest.twice:.3f}, that of L itself "
                f"{plain.once:.3f} and {nearest.once:.3f}.",
                nearest.defect < plain.defect and nearest.twice < plain.twice if is_decided(plain.still) else None,
                {
                    "defect_without": plain.defect,
                    "defect_with": nearest.defect,
                    "twice_without": plain.twice,
                    "twice_with": nearest.twice,
                    "once_without": plain.once,
                    "once_with": nearest.once,
                },
            )
        )
    best = min(swept, key=lambda item: item.twice)
    claims.append(
        Claim(
            "22",
            "No weight is needed: an involution in closed form undoes itself exactly.",
            f"{closed.fit} has ‖I−L²‖² = {closed.defect:.1e}, gap ratios {closed.twice:.3f} for L² and "
            f"{closed.once:.3f} for L; the best weight ({best.weight:g}) {best.twice:.3f} and {best.once:.3f}.",
            closed.defect < 1e-9 and closed.twice <= best.twice + _ALIKE if is_decided(closed.still) else None,
            {
                "defect": closed.defect,
                "twice": closed.twice,
                "once": closed.once,
                "best_twice": best.twice,
                "best_once": best.once,
            },
        )
    )
    return tuple(claims)


_LINES: Mapping[str, str] = {
    "defect": "‖I−L²‖²",
    "once": "gap ratio of L",
    "twice": "gap ratio of L²",
    "back": "gap ratio of L⁻¹",
    "repeated": f"gap ratio after {REPEATS} repeats",
    "powers": f"gap ratio of L^{REPEATS}",
}
_STYLES: Mapping[str, str] = {"involution": COLOURS[3], "representation": COLOURS[4]}


def draw_involution(result: InvolutionResult, path: Path) -> Path:
    """Write each measure against the weight as PNG, with closed forms as lines across."""
    figure = figures.empty(12, 6, dpi=DPI)
    swept = [item for item in result.fits if item.weight is not None]
    weights = [item.weight or 0.0 for item in swept]
    for number, (measure, title) in enumerate(_LINES.items(), start=1):
        axes = figure.add_subplot(2, 3, number)
        values = [getattr(item, measure) for item in swept]
        axes.plot(
            range(len(swept)),
            [float("nan") if value is None else value for value in values],
            color=COLOURS[1],
            marker="o",
            label="published fit",
        )
        for item in result.fits:
            value = getattr(item, measure)
            if item.fit in _STYLES and value is not None:
                axes.axhline(max(value, 1e-12), color=_STYLES[item.fit], linestyle="--", label=item.fit)
        if measure == "defect":
            axes.set_yscale("symlog", linthresh=1e-3)
            axes.set_ylim(bottom=-3e-4)  # what is drawn at 0 is to be seen, and nothing is below
        axes.set_xticks(range(len(swept)), [f"{weight:g}" for weight in weights], fontsize=8)
        axes.set_xlabel("weight of the involutory loss", fontsize=8)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if number == 1:
            axes.legend(frameon=False, fontsize=8)
    return figures.write(figure, path)
