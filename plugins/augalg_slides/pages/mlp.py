"""A small network in place of the matrix L, beside the best matrix, in few and in many latent dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.baselines.control import mean_of
from augalg_slides.baselines.mlp_operator import NetworkChain, fit_nonlinear
from augalg_slides.baselines.scores import is_decided
from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import COLOURS, DPI, Comparison, Table
from augalgebra.algebra import IDENTITY, Word
from augalgebra.consistency import CompositionReport, Operators, UnreducedOperators, measure_composition
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError
from augalgebra.latent import LAVAE
from augalgebra.operators import FitOptions
from augalgebra.plain import PlainData
from augalgebra.training import encoded_views

DIMS = (2, 16)
Kind = Literal["matrix", "network"]
Pairs = Literal["original", "orbit"]
PAIRS: Mapping[Pairs, str] = {"original": "originals", "orbit": "all views"}


@dataclass(frozen=True)
class MoveScore(PlainData):
    """What one kind of operator is worth. Gap ratios of words from originals; the first two are means over letters.

    Attributes:
        dim: Latent coordinates.
        kind: ``matrix``, with a shift, by ridge least squares; or ``network``.
        pairs: What it was fitted on: ``original`` for (original, augmented) only, ``orbit`` for all views.
        r2: Share of the variance of test codes that a single letter explains.
        once: Gap ratio of a letter.
        twice: Gap ratio of a letter applied twice.
        product: Gap ratio of the product.
        reverse: Gap ratio of the product in the other order.
        still: Gap ratio of a letter if nothing were moved.
    """

    dim: int
    kind: Kind
    pairs: Pairs
    r2: float
    once: float
    twice: float
    product: float
    reverse: float
    still: float

    @property
    def name(self) -> str:
        """What a row of a table calls it."""
        return f"{self.kind}, d = {self.dim}, fitted on {PAIRS[self.pairs]}"


@dataclass(frozen=True, kw_only=True)
class NonLinearResult(Comparison):
    """What was measured of networks in place of matrices.

    Attributes:
        operators: One for each dimension, kind and choice of pairs.
    """

    operators: tuple[MoveScore, ...]
    in_json = *Comparison.in_json, "operators"


@torch.no_grad()
def nonlinear_on(networks: BaselineNetworks, dims: Sequence[int] = DIMS) -> NonLinearResult:
    """Fit networks and matrices on the codes of one latent space for each dimension, and measure them side by side.

    Args:
        networks: Images, and what is shared, whose dimension does not matter.
        dims: Numbers of latent coordinates.

    Raises:
        AugalgebraError: There is no dimension.
    """
    if not dims:
        raise AugalgebraError("name at least one number of latent dimensions, such as 2 or 16")
    found = []
    still: dict[int, CompositionReport] = {}
    for dim in dims:
        space = networks.lavae(dim)
        codes = torch.cat(list(encoded_views(space, networks.closed, networks.dataset.train)), dim=1)
        for pairs in PAIRS:
            sources: dict[Kind, Operators] = {
                "matrix": UnreducedOperators(
                    networks.operators(space, "ridge", FitOptions(seed=networks.seed, pairs=pairs))
                ),
                "network": NetworkChain(_networks(networks, codes, pairs)),
            }
            for kind, operators in sources.items():
                still[dim] = _report(networks, space, operators)
                found.append(_moved(networks, still[dim], dim, kind, pairs))
    rows: list[tuple[str | float | None, ...]] = [
        (f"nothing moved, d = {dim}", None, *_nothing(networks, report)) for dim, report in still.items()
    ]
    rows += [(item.name, item.r2, item.once, item.twice, item.product, item.reverse) for item in found]
    product, reverse = _products(networks)
    show = networks.catalog.display
    return NonLinearResult(
        name="mlp",
        seed=networks.seed,
        images=len(networks.test),
        claims=_claims(found),
        table=Table(("operator", "R²", "once", "twice", show(product), show(reverse)), tuple(rows)),
        about=(
            "R² of test codes and gap ratios of words from originals (1 is as good as encoding and decoding the wanted "
            "view itself); 'once' and 'twice' are means over both augmentations. 'Fitted on originals': pairs of an "
            "original and its augmented view only, as published; 'all views': every pair that the augmentation leads "
            "from and to."
        ),
        operators=tuple(found),
    )


def _networks(networks: BaselineNetworks, codes: Float[Tensor, "view image latent"], pairs: Pairs) -> dict[Word, Any]:
    views = networks.closed
    fitted = {}
    for number, word in enumerate(views.generators):
        targets = views.moves[number].tolist()
        used = [view for view, target in enumerate(targets) if target >= 0 and (pairs == "orbit" or not view)]
        fitted[word] = fit_nonlinear(
            torch.cat([codes[view] for view in used]).to(networks.device),
            torch.cat([codes[targets[view]] for view in used]).to(networks.device),
            steps=networks.size.fitting,
            seed=networks.seed + number,
            stage=f"network for {networks.catalog.display(word)}, d = {codes.shape[2]}, {PAIRS[pairs]}",
            progress=networks.progress,
        )
    return fitted


def _products(networks: BaselineNetworks) -> tuple[Word, Word]:
    first, second = networks.views.generators
    return first * second, second * first


def _report(networks: BaselineNetworks, space: LAVAE, operators: Operators) -> CompositionReport:
    images, ids = networks.test.batch(slice(None))
    letters = networks.views.generators
    return measure_composition(
        space,
        operators,
        networks.catalog,
        images.to(networks.device),
        letters,
        words=[IDENTITY, *letters, *(word**2 for word in letters), *_products(networks)],
        views=[IDENTITY],
        ids=ids,
        seed=networks.seed,
    )


def _moved(networks: BaselineNetworks, report: CompositionReport, dim: int, kind: Kind, pairs: Pairs) -> MoveScore:
    show = networks.catalog.display
    scores = {score.word: score for score in report.words}
    letters = networks.views.generators
    product, reverse = (scores[show(word)].gap_ratio for word in _products(networks))
    return MoveScore(
        dim=dim,
        kind=kind,
        pairs=pairs,
        r2=mean_of(scores[show(word)].r2 for word in letters),
        once=mean_of(scores[show(word)].gap_ratio for word in letters),
        twice=mean_of(scores[show(word**2)].gap_ratio for word in letters),
        product=product,
        reverse=reverse,
        still=mean_of(scores[show(word)].identity_ratio for word in letters),
    )


def _nothing(networks: BaselineNetworks, report: CompositionReport) -> tuple[float, float, float, float]:
    show = networks.catalog.display
    scores = {score.word: score.identity_ratio for score in report.words}
    letters = networks.views.generators
    product, reverse = (scores[show(word)] for word in _products(networks))
    return (
        mean_of(scores[show(word)] for word in letters),
        mean_of(scores[show(word**2)] for word in letters),
        product,
        reverse,
    )


def _claims(found: Sequence[MoveScore]) -> tuple[Claim, ...]:
    return tuple(
        _claim(dim, {(item.kind, item.pairs): item for item in found if item.dim == dim})
        for dim in dict.fromkeys(item.dim for item in found)
    )


def _claim(dim: int, found: Mapping[tuple[Kind, Pairs], MoveScore]) -> Claim:
    matrix, network = found["matrix", "original"], found["network", "original"]
    whole, net = found["matrix", "orbit"], found["network", "orbit"]
    return Claim(
        "7",
        f"A small network is an alternative to the matrix in {dim} dimensions: it moves codes better once and composes "
        "as well.",
        f"fitted on originals: R² {network.r2:.3f} against {matrix.r2:.3f}, gap ratio once {network.once:.3f} against "
        f"{matrix.once:.3f}, product {network.product:.3f} against {matrix.product:.3f}, twice {network.twice:.3f} "
        f"against {matrix.twice:.3f}; fitted on all views: once {net.once:.3f} against {whole.once:.3f}, product "
        f"{net.product:.3f} against {whole.product:.3f}, twice {net.twice:.3f} against {whole.twice:.3f}.",
        network.once < matrix.once and network.product <= matrix.product and network.twice <= matrix.twice
        if is_decided(matrix.still)
        else None,
        {
            f"{name} {measure}": getattr(item, measure)
            for name, item in (("matrix", matrix), ("network", network), ("matrix all", whole), ("network all", net))
            for measure in ("r2", "once", "product", "twice")
        },
    )


def draw_nonlinear(result: NonLinearResult, path: Path) -> Path:
    """Write R² and gap ratios as PNG: a panel for each measure, a group of bars for each dimension."""
    figure = figures.empty(13, 3.6, dpi=DPI)
    dims = list(dict.fromkeys(item.dim for item in result.operators))
    series = list(dict.fromkeys((item.kind, item.pairs) for item in result.operators))
    measures = {"r2": "R²", "once": "once", "twice": "twice", "product": result.table.headings[4]}
    for number, (measure, title) in enumerate(measures.items(), start=1):
        axes = figure.add_subplot(1, len(measures), number)
        for place, (kind, pairs) in enumerate(series):
            values = [
                float(getattr(item, measure)) for item in result.operators if (item.kind, item.pairs) == (kind, pairs)
            ]
            where = [group + (place - (len(series) - 1) / 2) / (len(series) + 1) for group in range(len(dims))]
            bars = axes.bar(
                where, values, 1 / (len(series) + 1), color=COLOURS[place + 1], label=f"{kind}, {PAIRS[pairs]}"
            )
            axes.bar_label(bars, labels=[f"{value:.2f}" for value in values], fontsize=6)
        axes.set_xticks(range(len(dims)), [f"d = {dim}" for dim in dims])
        axes.set_title(title if measure == "r2" else f"gap ratio: {title}", fontsize=9)
        if measure != "r2":
            axes.axhline(1, color=figures.INK, linewidth=0.8, linestyle=":")
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if number == 1:
            figure.legend(
                *axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False
            )
    return figures.write(figure, path)
