"""The geometry of a latent space: where the codes of each view lie, and where operators move them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.projection import project
from augalg_slides.measures.separation import Integers, Separation, separation
from augalgebra.algebra import IDENTITY, Word, product
from augalgebra.catalog import Catalog
from augalgebra.consistency import UnreducedOperators, measure_composition
from augalgebra.data import Dataset
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError
from augalgebra.latent import device_of_space
from augalgebra.operators import Array
from augalgebra.plain import PlainData
from augalgebra.runs import Run
from augalgebra.training import Views, encoded_views

CONTRACTED = 0.95
"""Ratio of spreads below which a cloud counts as contracted."""
REGIONS, BLURRED = 0.9, 0.75
"""Share of views told right from which on regions count as there; below the second they count as not there."""
_PIXEL_COMPONENTS = 50
_TSNE_POINTS = 2000
_DRAWN_POINTS = 4000
_VISIBLE = 0.01  # of a cloud's spread
_NAMES: dict[str, str] = {"direct": "The plane", "pca": "PCA", "ica": "ICA", "tsne": "t-SNE"}


@dataclass(frozen=True, eq=False)
class Clouds:
    """The codes of some images under words: encoded, and moved there from the originals.

    Attributes:
        views: The words, as text; the first is the original, the last the composition in reverse order.
        encoded: ENC(w·x), ``[view, image, latent]``.
        moved: ENC(x) L(w), ``[view, image, latent]``.
        labels: The class of each image.
        same: For each view the number of the first that shows the same images by the laws.
    """

    views: tuple[str, ...]
    encoded: Array
    moved: Array
    labels: Integers
    same: tuple[int, ...]

    @property
    def distinct(self) -> list[int]:
        """The numbers of views none of which shows the same images as another."""
        return sorted(set(self.same))

    def flat(self, codes: Array, views: Sequence[int]) -> tuple[Array, Integers, Integers]:
        """Codes of some views below each other, with the number of the view and of the image of each."""
        n = codes.shape[1]
        return np.concatenate([codes[view] for view in views]), np.repeat(views, n), np.tile(np.arange(n), len(views))


@dataclass(frozen=True)
class Contraction(PlainData):
    """The cloud of moved codes beside that of encoded ones.

    Attributes:
        view: The word.
        ratio: Total variance of the moved cloud over that of the encoded one; below 1 it has contracted.
        within: The same within classes, averaged over them.
        offset: Distance between the two means, in units of the encoded cloud's root total variance.
    """

    view: str
    ratio: float
    within: float
    offset: float


@dataclass(frozen=True, eq=False)
class Geometry(PlainData):
    """What was measured of the geometry of a latent space.

    Attributes:
        run: Folder of the run.
        dim: Latent coordinates.
        images: Number of images.
        seed: Seed of splits and projections.
        contractions: For each view but the original.
        views: How well views are told apart, of ``encoded`` and ``moved`` codes, and of the ``pixels`` themselves: what
            cannot be seen cannot be told.
        classes: How well classes are told apart, of the codes of originals, and of all views together; empty without
            labels.
        claims: What the slides say of it.
        clouds: The codes.
    """

    run: str
    dim: int
    images: int
    seed: int
    contractions: tuple[Contraction, ...]
    views: Mapping[str, Separation]
    classes: Mapping[str, Separation]
    claims: tuple[Claim, ...]
    clouds: Clouds
    in_json = "run", "dim", "images", "seed", "contractions", "views", "classes", "claims"


def measure_geometry(
    run: Run,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    images: int | None = 1000,
    seed: int = 0,
) -> Geometry:
    """Measure where the test images of a run lie under its augmentations, and where its operators move them.

    Args:
        run: The run.
        data: Its data set, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        images: How many test images, if not all.
        seed: Seed of splits and samples.

    Raises:
        RunError: The data are not those of the run.
        AugalgebraError: There are too few images, or an augmentation has no operator.
    """
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    clouds, pixels = _clouds(run, data, images)
    flat = {
        "encoded": clouds.flat(clouds.encoded, clouds.distinct),
        "moved": clouds.flat(clouds.moved, clouds.distinct),
        "pixels": clouds.flat(pixels, clouds.distinct),
    }
    views = {name: separation(codes, view, image, seed=seed) for name, (codes, view, image) in flat.items()}
    classes = {}
    if np.unique(clouds.labels, return_counts=True)[1].min() > 1 and len(np.unique(clouds.labels)) > 1:
        classes["originals"] = separation(clouds.encoded[0], clouds.labels, seed=seed)
        codes, _, image = flat["encoded"]
        classes["all views"] = separation(codes, clouds.labels[image], image, seed=seed)
    contractions = tuple(
        contraction(clouds.views[view], clouds.encoded[view], clouds.moved[view], clouds.labels)
        for view in range(1, len(clouds.views))
    )
    catalog = run.registry.catalog
    pictures = data.test.sample(images).batch(slice(None))[0]
    codes_tell = not measure_composition(run.space, run.registry, catalog, pictures, (), words=()).information.nothing
    claims = (
        _contracts(contractions, codes_tell=codes_tell),
        _partitions(views, involutory=_all_involutory(catalog, run.settings.augmentations)),
    )
    return Geometry(
        str(run.folder), run.space.dim, clouds.encoded.shape[1], seed, contractions, views, classes, claims, clouds
    )


def contraction(view: str, encoded: Array, moved: Array, labels: Integers) -> Contraction:
    """Compare the spread of moved codes with that of encoded ones of the same images.

    Args:
        view: What to call them.
        encoded: ``[image, latent]``.
        moved: ``[image, latent]``.
        labels: The class of each image.
    """
    spread = _spread(encoded)
    within = [_ratio(_spread(moved[labels == label]), _spread(encoded[labels == label])) for label in np.unique(labels)]
    offset = float(np.linalg.norm(moved.mean(axis=0) - encoded.mean(axis=0)))
    return Contraction(
        view, _ratio(_spread(moved), spread), float(np.mean(within)), _ratio(offset, float(np.sqrt(spread)))
    )


def _spread(codes: Array) -> float:
    """Trace of the covariance."""
    return float(codes.var(axis=0).sum())


def _ratio(above: float, below: float) -> float:
    return above / below if below else (1.0 if not above else float("inf"))


def _clouds(run: Run, data: Dataset, images: int | None) -> tuple[Clouds, Array]:
    """The codes, and the pixels of each view on their principal components ``[view, image, component]``."""
    from sklearn.decomposition import PCA

    catalog, seed = run.registry.catalog, run.settings.seed
    letters = [catalog.word(name) for name in run.settings.augmentations]
    words = [IDENTITY, *letters]
    if len(letters) > 1:
        words += [product(letters), product(list(reversed(letters)))]
    split = data.test.sample(images)
    if len(split) < 10:
        raise AugalgebraError(f"{len(split)} images say nothing of a geometry; take at least 10")
    views = Views.of_words(catalog, words, seed=seed)
    encoded = torch.cat(list(encoded_views(run.space, views, split)), dim=1)
    operators, device = UnreducedOperators(run.registry), device_of_space(run.space)
    with torch.no_grad():
        originals = encoded[0].to(device)
        moved = torch.stack([operators.operator(word).apply(originals).cpu() for word in words])
    pictures, ids = split.batch(slice(None))
    made = views.make(pictures, ids).flatten(2)
    flat = made.flatten(0, 1).double().numpy()
    components = min(_PIXEL_COMPONENTS, *flat.shape)
    pixels = PCA(components, random_state=seed).fit_transform(flat).reshape(len(words), len(split), -1)
    forms = _forms(catalog, words)
    clouds = Clouds(
        tuple(catalog.display(word) if word else "original" for word in words),
        encoded.double().numpy(),
        moved.double().numpy(),
        split.labels.numpy(),
        tuple(forms.index(form) for form in forms),
    )
    return clouds, pixels


def _forms(catalog: Catalog, words: Sequence[Word]) -> list[Word]:
    system = catalog.system(*words).exact
    return [system.normal_form(word) for word in words]


def _all_involutory(catalog: Catalog, augmentations: Sequence[str]) -> bool:
    words = [catalog.word(name) for name in augmentations]
    return all(catalog.system(word).exact.normal_form(word**2) == IDENTITY for word in words)


def _contracts(contractions: Sequence[Contraction], *, codes_tell: bool) -> Claim:
    last = contractions[-2:] if len(contractions) > 2 else contractions
    return Claim(
        "12",
        "Codes moved by the composition, in either order, lie closer together than encoded ones",
        "; ".join(
            f"{item.view}: {item.ratio:.2f} of the encoded spread, {item.within:.2f} within classes" for item in last
        )
        + ("" if codes_tell else "; these codes say nothing of the images"),
        all(item.ratio < CONTRACTED for item in last) if codes_tell else None,
        {f"ratio {item.view}": item.ratio for item in contractions}
        | {f"within {item.view}": item.within for item in contractions},
    )


def _partitions(views: Mapping[str, Separation], *, involutory: bool) -> Claim:
    encoded, pixels = views["encoded"], views["pixels"]
    holds = True if encoded.best >= REGIONS else False if encoded.best < BLURRED else None
    return Claim(
        "22",
        "Involutory augmentations partition the latent space into a region for each view",
        f"of encoded views {encoded.linear:.1%} are told by flat walls and {encoded.neighbours:.1%} by neighbours, "
        f"chance {encoded.chance:.1%}, from pixels {pixels.best:.1%}; silhouette {encoded.silhouette:.2f}"
        + ("" if involutory else "; these augmentations are not all involutory, so the slides do not speak of them"),
        holds if involutory else None,
        {
            "linear": encoded.linear,
            "neighbours": encoded.neighbours,
            "silhouette": encoded.silhouette,
            "chance": encoded.chance,
            "pixels": pixels.best,
            "moved": views["moved"].best,
        },
    )


def _apart(codes: Array) -> list[int]:
    """The numbers of clouds ``[view, image, latent]`` none of which lies on an earlier one."""
    scale = np.sqrt(codes.var(axis=1).sum(axis=-1).max())
    found: list[int] = []
    for view, cloud in enumerate(codes):
        if all(np.abs(cloud - codes[other]).max() > _VISIBLE * scale for other in found):
            found.append(view)
    return found


def draw_geometry(geometry: Geometry, path: Path, method: str) -> Path:
    """Write encoded views beside moved ones as PNG, in two dimensions, in the colours of views and of classes.

    A view whose codes lie on those of an earlier one is not drawn again.

    Args:
        geometry: What was measured.
        path: The file.
        method: See `augalg_slides.measures.projection.Method`.

    Raises:
        AugalgebraError: The method does not suit these codes.
    """
    clouds = geometry.clouds
    most = (_TSNE_POINTS if method == "tsne" else _DRAWN_POINTS) // (2 * len(clouds.views))
    shown = np.linspace(0, geometry.images - 1, min(geometry.images, most)).astype(int)
    every = range(len(clouds.views))
    encoded, views, images = clouds.flat(clouds.encoded[:, shown], every)
    moved = clouds.flat(clouds.moved[:, shown], every)[0]
    points = dict(
        zip(("encoded", "moved by operators"), project(method, encoded, [moved], seed=geometry.seed), strict=True)
    )
    labels = clouds.labels[shown][images]
    classes = np.unique(labels)
    apart = {"encoded": _apart(clouds.encoded), "moved by operators": _apart(clouds.moved)}
    rows = [("views", views, clouds.views)]
    if len(classes) > 1:
        rows.append(("classes", np.searchsorted(classes, labels), tuple(map(str, classes))))
    figure = figures.empty(9, 4 * len(rows))
    grid = figure.subplots(len(rows), 2, sharex=True, sharey=True, squeeze=False)
    for axes, (title, groups, names) in zip(grid, rows, strict=True):
        for plot, (side, where) in zip(axes, points.items(), strict=True):
            # clouds that lie on each other would mix their colours
            kept = np.isin(views, apart[side])
            figures.scatter(plot, where[kept], groups[kept].tolist(), names, size=6)
            plot.set_title(f"{side}, {title}", fontsize=9)
        axes[1].legend(frameon=False, fontsize=7, markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
    ratios = ", ".join(f"{item.view} {item.ratio:.2f}" for item in geometry.contractions)
    figure.suptitle(f"{_NAMES[method]} of {geometry.dim} coordinates. Spread moved over encoded: {ratios}", fontsize=9)
    return figures.write(figure, path)
