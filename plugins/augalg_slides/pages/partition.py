"""A latent space in named parts: whether parts are the regions that the slides speak of, and what they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import draw_bars
from augalg_slides.measures.separation import Separation, separation
from augalgebra.consistency import Alignment, measure_alignment
from augalgebra.data import Dataset, Glyphs, draw_glyphs
from augalgebra.documents import figures
from augalgebra.errors import FitError
from augalgebra.latent import device_of_space
from augalgebra.operators import UNCHANGED, Array
from augalgebra.plain import PlainData
from augalgebra.runs import Partition, Run, SwapReport, draw_swap, measure_swap
from augalgebra.seeds import derived_seed
from augalgebra.training import Views, encoded_views

REGIONS, BLURRED = 0.9, 0.75
"""Share of views told right from which on parts count as telling them; below the second they count as not doing so."""
STILL = 0.1
"""How far above chance the unchanged part may tell views."""
ALIGNED = 0.5
"""Gap in mutual information from which on factors count as having blocks of their own."""
SHARES = (0.01, 0.1, 1.0)
"""Shares of the images whose factors are told to the probes."""
FEWEST = 200
"""Glyphs on which alignment is measured, at least."""
LAWS, COORDINATES, COMPONENTS = "laws: isotypic parts", "none: coordinates", "none: principal components"
MEASURES = {
    "disentanglement": "disentanglement",
    "completeness": "completeness",
    "informativeness": "informativeness",
    "mig": "MIG",
    "sap": "SAP",
    "irs": "IRS",
}
"""What a table tells of each prior, by its name."""
_BATCH = 500


@dataclass(frozen=True, eq=False)
class PartitionFindings(PlainData):
    """What was measured of the parts of a latent space.

    Attributes:
        partition: The parts.
        views: How well views are told apart by codes of ``all parts``, of the ``changed`` ones together, of each part.
        swap: Content and view swapped between images.
        claims: What the slides say of regions, answered with parts.
    """

    partition: Partition
    views: Mapping[str, Separation]
    swap: SwapReport
    claims: tuple[Claim, ...]


def measure_parts(run: Run, *, data: Dataset, images: int = 1000, seed: int = 0) -> PartitionFindings:
    """Measure what the parts of a run's latent space know of views.

    Args:
        run: The run.
        data: Its data set.
        images: How many test images.
        seed: Seed of splits.

    Raises:
        FitError: The operators make no finite group, or leave all of the latent space unchanged.
        RunError: The data are not those of the run.
    """
    partition = run.partition(images=images, data=data)
    if all(part.name == UNCHANGED for part in partition.parts):
        raise FitError(
            f"{run.folder} has no part that its augmentations change, which could tell views apart; train it with more "
            f"latent coordinates than {run.space.dim}"
        )
    views = Views.of_words(run.registry.catalog, partition.group.elements, seed=run.settings.seed)
    codes = torch.cat(list(encoded_views(run.space, views, data.test.sample(images))), dim=1)  # [view, image, latent]
    pieces = {name: piece.double().numpy() for name, piece in partition.split(codes.flatten(0, 1)).items()}
    changed = [piece for name, piece in pieces.items() if name != UNCHANGED]
    view, image = np.repeat(np.arange(len(views)), codes.shape[1]), np.tile(np.arange(codes.shape[1]), len(views))
    blocks = {"all parts": codes.flatten(0, 1).double().numpy(), "changed parts": sum(changed), **pieces}
    told = {name: separation(np.asarray(block), view, image, seed=seed) for name, block in blocks.items()}
    swap = measure_swap(run, partition, images=images, data=data)
    return PartitionFindings(partition, told, swap, judge_parts(told, swap))


def judge_parts(told: Mapping[str, Separation], swap: SwapReport) -> tuple[Claim, Claim, Claim]:
    """What the slides claim of regions, and expect of parts, beside what was measured.

    Args:
        told: How well views are told apart by ``changed parts`` and by the unchanged one.
        swap: Contents and views swapped.
    """
    changed, unchanged = told["changed parts"], told.get(UNCHANGED)
    still = 0.0 if unchanged is None else unchanged.best
    regions = True if changed.best >= REGIONS else False if changed.best < BLURRED else None
    if regions and still > changed.chance + STILL:
        regions = None
    return (
        Claim(
            "22",
            "Regions of views lie in the parts that augmentations change, and none in the part that they do not "
            "(slide 22 by parts)",
            f"the changed parts tell {changed.best:.1%} of views ({changed.linear:.1%} by flat walls), the unchanged "
            f"part {still:.1%}, chance {changed.chance:.1%}",
            regions,
            {
                "changed": changed.best,
                "changed, flat walls": changed.linear,
                "unchanged": still,
                "chance": changed.chance,
            },
        ),
        _swap_claim(
            "Content and view can be taken from different images: codes that are moved from their own view to that of "
            "another image keep the content and take the view",
            "pose moved",
            swap,
        ),
        _swap_claim(
            "Parts hold content and view apart: those that augmentations change, taken from another image, bring its "
            "view along and leave the content",
            "parts swapped",
            swap,
        ),
    )


def _swap_claim(text: str, way: str, swap: SwapReport) -> Claim:
    moved, floor, true = (swap.scores[name] for name in (way, "encoded and decoded", "true pictures"))
    judged = ["view"] if moved.content is None else ["content", "view"]
    readable = all(getattr(floor, name) >= BLURRED * getattr(true, name) for name in judged)
    kept = min(getattr(moved, name) / (getattr(floor, name) or 1.0) for name in judged)
    return Claim(
        "17",
        text,
        f"the view of another image is given to {moved.view:.1%}"
        + ("" if moved.content is None else f", and the content is kept by {moved.content:.1%}")
        + f", of images encoded and decoded {floor.view:.1%}"
        + ("" if floor.content is None else f" and {floor.content:.1%}"),
        None if not readable else True if kept >= REGIONS else False if kept < BLURRED else None,
        {
            f"{what}, {name}": getattr(swap.scores[what], name)
            for what in (way, "encoded and decoded", "true pictures", "nothing done")
            for name in judged
        },
    )


def measure_priors(
    run: Run, *, data: Dataset | None = None, glyphs: int = 5000, images: int = 1000, seed: int = 0
) -> dict[str, Alignment]:
    """Measure how well blocks stand for the factors of glyphs, where they come from laws, from labels, or from nothing.

    Glyphs are drawn anew, half of them mirrored left to right, half top to bottom. From labels a linear probe picks the
    block of each factor: it is fitted to a share of `glyphs` images, and what it reads is the block.

    Args:
        run: A run made for such images.
        data: Its data set, if it is in memory already.
        glyphs: Glyphs from which probes and principal components learn.
        images: Glyphs to measure on, at least `FEWEST`.
        seed: Seed of everything drawn.

    Returns:
        For each prior the alignment of its blocks.

    Raises:
        FitError: The operators make no finite group.
    """
    from sklearn.decomposition import PCA

    learnt = draw_glyphs(glyphs, flips=True, seed=derived_seed(seed, "labelled glyphs"))
    shown = draw_glyphs(max(images, FEWEST), flips=True, seed=derived_seed(seed, "glyphs of alignment"))
    known, codes = _encode(run, learnt), _encode(run, shown)
    answers, factors = _factors(learnt), _factors(shown)
    partition = run.partition(images=images, data=data)
    pieces = partition.split(torch.from_numpy(codes).float())
    # as many coordinates as the part has dimensions
    by_laws = {part.name: PCA(part.dim).fit_transform(pieces[part.name].double().numpy()) for part in partition.parts}
    blocks: dict[str, dict[str, Array]] = {LAWS: by_laws}
    generator = np.random.default_rng(derived_seed(seed, "labels"))
    order = generator.permutation(glyphs)
    for share in SHARES:
        rows = order[: max(2 * len(answers), round(share * glyphs))]
        blocks[f"labels of {share:.0%}"] = {
            name: read_by_probe(known[rows], values[rows], codes) for name, values in answers.items()
        }
    blocks[COORDINATES] = {str(number): codes[:, [number]] for number in range(codes.shape[1])}
    components = PCA(random_state=seed).fit(known).transform(codes)
    blocks[COMPONENTS] = {str(number): components[:, [number]] for number in range(components.shape[1])}
    return {name: measure_alignment(block, factors, nominal={"shape"}, seed=seed) for name, block in blocks.items()}


def _factors(glyphs: Glyphs) -> dict[str, Array]:
    return {name: values.numpy() for name, values in glyphs.factors.items()} | {"shape": glyphs.shapes.double().numpy()}


@torch.no_grad()
def _encode(run: Run, glyphs: Glyphs) -> Array:
    images = torch.split(glyphs.images().float() / 255, _BATCH)
    device = device_of_space(run.space)
    codes: Array = torch.cat([run.space.encode(part.to(device)).cpu() for part in images]).double().numpy()
    return codes


def read_by_probe(known: Array, values: Array, codes: Array) -> Array:
    """What a linear probe reads of a factor.

    Args:
        known: Codes that it learns from, ``[image, latent]``.
        values: The factor for each of them. From three to nine different ones are classes without an order.
        codes: Codes to read, ``[image, latent]``.

    Returns:
        ``[image, 1]``, or a score for each class.
    """
    from sklearn.linear_model import RidgeCV

    different = np.unique(values)
    several = 2 < len(different) < 10
    target = (values[:, None] == different).astype(float) if several else values[:, None]
    read: Array = RidgeCV(np.logspace(-3, 3, 7)).fit(known, target).predict(codes).reshape(len(codes), -1)
    return read


def prior_claim(priors: Mapping[str, Alignment]) -> Claim:
    """What the slides expect of priors, beside what came of it."""
    best = max(priors, key=lambda name: priors[name].mig)
    labels = [name for name in priors if name.startswith("labels")]
    free = max(priors[COORDINATES].mig, priors[COMPONENTS].mig)
    told = {name: priors[name].mig for name in (LAWS, *labels)}
    return Claim(
        "17",
        "Priors make the latent space partitioned and interpretable: factors have blocks of their own",
        f"gap in mutual information (MIG): {', '.join(f'{name} {value:.2f}' for name, value in told.items())}; without "
        f"any prior {free:.2f}; best with {best}",
        True if max(told.values()) >= ALIGNED else False if max(told.values()) <= free else None,
        told | {"none": free},
    )


def draw_parts(run: Run, found: PartitionFindings, data: Dataset, path: Path) -> Path:
    """Write what each part knows of views, and two images with their parts swapped, as PNG.

    Args:
        run: The run.
        found: What was measured.
        data: The data set of the run.
        path: The file.
    """
    catalog = run.registry.catalog
    figure = figures.empty(10, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    title = "views told by parts; dotted: chance"
    names = list(found.views)
    chance = found.views[names[0]].chance
    draw_bars(left, names, [found.views[name].best for name in names], title=title, line=chance)
    pair, ids = data.test.sample(2).batch(slice(None))
    word = next(iter(found.partition.group.generators))
    pair[1:] = catalog.apply(word, pair[1:], seed=run.settings.seed, ids=ids[1:])
    figures.tiles(right, draw_swap(run, found.partition, pair))
    right.set_title(
        f"A, B under {catalog.display(word)}; parts swapped; poses moved; below views of A, upright", fontsize=8
    )
    return figures.write(figure, path)
