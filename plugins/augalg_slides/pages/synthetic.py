"""A latent space made from synthetic images of controlled variance, beside those made from augmentation pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from augalg_slides.baselines.scores import is_decided
from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.separation import readable, separation
from augalgebra.algebra import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.consistency import Gap
from augalgebra.data import FLIPS, RANGES, Dataset, Split, draw_glyphs, glyph_data
from augalgebra.documents import figures
from augalgebra.latent import LAVAE, Architecture, device_of_space, likelihood_of
from augalgebra.operators import OperatorRegistry, latent_residual
from augalgebra.plain import PlainData, finite
from augalgebra.runs import Run
from augalgebra.seeds import derived_seed
from augalgebra.training import (
    Limit,
    Progress,
    Recipe,
    TrainSettings,
    Views,
    device_of,
    silent,
    stage1_loop,
    view_moments,
)

_MARGIN = 0.05  # of R², below which two spaces carry flips equally well
_VIEWS = 4
GAP_ROWS = {
    "entropy": "entropy",
    "floor": "floor",
    "excess": "excess",
    "gap_ratio": "gap ratio",
    "identity_ratio": "gap ratio, nothing moved",
}
"""What a table tells of the gap of each flip, by its name."""


@dataclass(frozen=True)
class Flip(PlainData):
    """The operator of a flip in one latent space, fitted on pairs of training images, measured on test images.

    Attributes:
        r2: Share of the variance of the flipped images' codes that the operator explains.
        identity_r2: What it would be if nothing were moved.
        gap: What it costs to draw the flipped images; None where the decoder never learned such images.
    """

    r2: float
    identity_r2: float
    gap: Gap | None = None
    in_json = "r2", "identity_r2"

    def measured(self, name: str) -> float | None:
        """One of the numbers of the gap; None where there is none."""
        return None if self.gap is None else finite(getattr(self.gap, name))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | ({} if self.gap is None else self.gap.to_dict())


@dataclass(frozen=True)
class SpaceScore(PlainData):
    """One latent space.

    Attributes:
        name: What it was made from.
        factors: For each factor of glyphs, how much of it is a linear function of their codes (cross-validated R²).
        shape: Share of shapes that a linear probe of codes tells right.
        flips: The operator of each flip, by the name of the images and of the flip, e.g. ``glyphs flip_lr``.
    """

    name: str
    factors: Mapping[str, float]
    shape: float
    flips: Mapping[str, Flip]

    def mean_r2(self, images: str) -> float:
        """Mean over the flips of some images."""
        return fmean(flip.r2 for name, flip in self.flips.items() if name.startswith(images))

    @property
    def mean_gap_ratio(self) -> float:
        """Mean over the flips of the images it was made from."""
        return fmean(flip.gap.gap_ratio for flip in self.flips.values() if flip.gap is not None)

    @property
    def mean_identity_ratio(self) -> float:
        """What the mean gap ratio would be if nothing were moved."""
        return fmean(flip.gap.identity_ratio for flip in self.flips.values() if flip.gap is not None)


@dataclass(frozen=True)
class Synthetic(PlainData):
    """Latent spaces made from synthetic images and from augmentation pairs, compared.

    Attributes:
        glyphs: Number of glyphs, test images included.
        samples: Images that each space was shown in training, the reference aside.
        seed: Seed of glyphs and training.
        scores: ``glyphs with flips`` saw mirrored glyphs but no pairs; ``glyphs in pairs`` upright ones and their
            views; the last is the reference run's, on its own data.
        claims: What the slides say of it.
    """

    glyphs: int
    samples: int
    seed: int
    scores: tuple[SpaceScore, ...]
    claims: tuple[Claim, ...]
    in_json = "glyphs", "samples", "seed", "scores as spaces", "claims"


def measure_synthetic(
    catalog: Catalog,
    reference: Run | None = None,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    glyphs: int = 5000,
    samples: int = 160_000,
    dim: int = 16,
    width: int = 16,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
) -> Synthetic:
    """Make latent spaces from glyphs, and measure what they know of their factors and how flips act on them.

    Two spaces are trained with the same network and the same number of images: from glyphs half of which are mirrored,
    without any pairs, and from upright glyphs with their views under the flips. Operators of flips are then fitted by
    least squares in both, and in that of a reference run, on glyphs and on the reference's images.

    Args:
        catalog: Applies the flips.
        reference: A run trained on augmentation pairs of real images of 28×28 grey pixels.
        data: Its data set, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        glyphs: How many glyphs, test images included.
        samples: Images shown in each training.
        dim: Latent coordinates.
        width: Channels of the first convolution.
        seed: Seed of glyphs and training.
        device: Where to train.
        progress: Called after each step.

    Raises:
        AugalgebraError: There are too few glyphs.
        RunError: The data are not those of the reference.
        ImageError: The reference was made for images of another size.
    """
    flips = tuple(catalog.word(name) for name in FLIPS)
    mirrored, upright = (glyph_data(glyphs, flips=with_flips, seed=seed) for with_flips in (True, False))
    domains = {"glyphs": upright}
    if reference is not None:
        data = data or reference.settings.load_data(data_dir)
        reference.check_data(data)
        domains[reference.settings.data] = data
    sources = {
        "glyphs with flips": (mirrored, Views.of_words(catalog, [IDENTITY], seed=seed)),
        "glyphs in pairs": (upright, Views.published(catalog, flips, seed=seed)),
    }
    spaces: dict[str, LAVAE] = {}
    for name, (source, views) in sources.items():
        architecture = Architecture(source.image_shape, dim, width)
        space = LAVAE(architecture, seed=derived_seed(seed, "weights")).to(device_of(device))
        _train(space, views, source.train, samples, seed, progress)
        spaces[name] = space
    if reference is not None:
        spaces[f"{reference.settings.data} in pairs"] = reference.space
    scores = tuple(
        _measure(name, space, catalog, flips, mirrored, domains, own=name.rsplit(maxsplit=2)[0], seed=seed)
        for name, space in spaces.items()
    )
    return Synthetic(glyphs, samples, seed, scores, _claims(scores, list(domains)[-1]))


def _train(space: LAVAE, views: Views, split: Split, samples: int, seed: int, progress: Progress) -> None:
    """The evidence bound of single views, for so many images."""
    settings = TrainSettings(preset="equivariant").for_images(
        split.images
    )  # whose step size is made for short trainings
    epochs = max(1, round(samples / (len(split) * len(views))))
    recipe = Recipe(
        "faithful",
        Limit(epochs),
        seed,
        settings.learning_rate / _VIEWS,
        settings.batch_size * _VIEWS,
        kl_warmup=settings.warmup,  # without it short trainings often end with codes that say nothing
    )
    if stage1_loop(space, views, split, recipe).run(progress).interrupted:
        raise KeyboardInterrupt  # two half trainings cannot be compared


def _measure(
    name: str,
    space: LAVAE,
    catalog: Catalog,
    flips: tuple[Word, ...],
    mirrored: Dataset,
    domains: Mapping[str, Dataset],
    *,
    own: str,
    seed: int,
) -> SpaceScore:
    split = mirrored.test
    known = draw_glyphs(len(mirrored.train) + len(split), flips=True, seed=seed)[slice(split.first, None)]
    with torch.no_grad():
        codes = space.encode(split.batch(slice(None))[0].to(device_of_space(space))).cpu().double().numpy()
    factors = {factor: readable(codes, np.asarray(known.factors[factor]), seed=seed) for factor in (*RANGES, *FLIPS)}
    shape = separation(codes, known.shapes.numpy(), seed=seed).linear
    measured = {
        f"{images} {catalog.display(flip)}": found
        for images, data in domains.items()
        for flip, found in _flips(space, catalog, flips, data, drawn=images == own, seed=seed).items()
    }
    return SpaceScore(name, factors, shape, measured)


def _flips(
    space: LAVAE, catalog: Catalog, flips: tuple[Word, ...], data: Dataset, *, drawn: bool, seed: int
) -> dict[Word, Flip]:
    views = Views.of_words(catalog, [IDENTITY, *flips], seed=seed)
    registry = OperatorRegistry.of(space, catalog)
    registry.fit(view_moments(space, views, data.train), flips, "ridge")
    moments = view_moments(space, views, data.test)
    found: dict[Word, Flip] = {}
    for flip in flips:
        operator = registry.operator(flip)
        error = latent_residual(operator.affine, moments, [(IDENTITY, flip)])
        found[flip] = Flip(error.r2, 1 - error.identity)
        if drawn:
            pictures, ids = data.test.batch(slice(None))
            device = device_of_space(space)
            target = catalog.apply(flip, pictures, seed=seed, ids=ids).to(device)
            likelihood = likelihood_of(space)
            with torch.no_grad():
                code = space.encode(pictures.to(device))
                losses = [
                    float(likelihood.loss(space.decode(at), target).mean())
                    for at in (operator.apply(code), code, space.encode(target))
                ]
            moved, still, floor = losses
            gap = Gap(bce=moved, floor=floor, identity_bce=still, entropy=float(likelihood.entropy(target).mean()))
            found[flip] = Flip(error.r2, 1 - error.identity, gap)
    return found


def _claims(scores: tuple[SpaceScore, ...], real: str) -> tuple[Claim, ...]:
    without, pairs = scores[0], scores[1]
    gaps = {score.name: score.mean_gap_ratio for score in scores}
    last = scores[-1]
    values = {f"R² {score.name}": score.mean_r2("glyphs") for score in scores}
    values |= {f"gap ratio {name}": gap for name, gap in gaps.items()}
    claims = [
        _claim(
            "Synthetic images with controlled variance can take the place of augmentation pairs",
            f"flips explain {without.mean_r2('glyphs'):.2f} of the codes of glyphs (R²) where mirrored glyphs were "
            f"seen but no pairs, {pairs.mean_r2('glyphs'):.2f} where pairs were; drawn with gap ratios "
            f"{gaps[without.name]:.2f} and {gaps[pairs.name]:.2f}",
            "glyphs",
            (without, pairs),
            values,
        )
    ]
    if len(scores) > 2:
        claims.append(
            _claim(
                "A latent space made from synthetic images carries the augmentations of real ones",
                f"flips of {real} explain {without.mean_r2(real):.2f} of their codes (R²) in the space made from "
                f"glyphs without pairs, {last.mean_r2(real):.2f} in that made from {last.name}",
                real,
                (without, last),
                {f"R² {score.name}": score.mean_r2(real) for score in scores},
            )
        )
    return tuple(claims)


def _claim(
    text: str, measured: str, images: str, spaces: tuple[SpaceScore, SpaceScore], values: Mapping[str, float]
) -> Claim:
    """Whether flips explain as much of the codes of some images in the first space as in the second."""
    first, second = spaces
    empty = [space.name for space in spaces if not is_decided(space.mean_identity_ratio)]
    if empty:
        measured += f"; nothing moved is drawn as well in the space made from {' and in that made from '.join(empty)}"
    holds = first.mean_r2(images) >= second.mean_r2(images) - _MARGIN
    return Claim("17", text, measured, None if empty else holds, values)


def draw_synthetic(synthetic: Synthetic, path: Path) -> Path:
    """Write how much of each factor can be read off codes, and how much of codes flips explain, as PNG.

    Args:
        synthetic: What was measured.
        path: The file.
    """
    figure = figures.empty(10, 5.4)
    grid = figure.add_gridspec(2, 2, height_ratios=[1, 2.4])
    above = figure.add_subplot(grid[0, :])
    shown = draw_glyphs(14, flips=True, seed=synthetic.seed).images().float() / 255
    figures.tiles(above, shown[None])
    above.set_title("glyphs with flips", fontsize=9)
    bars = {
        "share of each factor in the codes of glyphs (R²)": {
            score.name: dict(score.factors) | {"shape (accuracy)": score.shape} for score in synthetic.scores
        },
        "share of the flipped codes that an operator explains (R²)": {
            score.name: {name: flip.r2 for name, flip in score.flips.items()} for score in synthetic.scores
        },
    }
    for column, (title, series) in enumerate(bars.items()):
        axes = figure.add_subplot(grid[1, column])
        names = list(next(iter(series.values())))
        height = 0.8 / len(series)
        for number, (label, numbers) in enumerate(series.items()):
            places = np.arange(len(names)) + number * height
            values = [max(numbers[name], 0) for name in names]
            axes.barh(places, values, height, color=figures.COLOURS[number], label=label)
        axes.set_yticks(np.arange(len(names)) + 0.4 - height / 2, names, fontsize=8)
        axes.set(xlim=(0, 1.02))
        axes.invert_yaxis()
        axes.set_title(title, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        if not column:
            axes.legend(frameon=False, fontsize=7, loc="lower right")
    return figures.write(figure, path)
