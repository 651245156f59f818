"""A trained run, measured on the test images it has never seen."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.cases import Relabelling
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.report import CompositionReport
from augalgebra.data.dataset import Dataset, Split
from augalgebra.errors import RunError
from augalgebra.latent.likelihoods import decibels, squared_error
from augalgebra.latent.protocol import MAIN_HEAD, device_of_space
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.tasks import Workers


def measure_run(
    run: StoredRun,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    max_length: int = 2,
    head: str | None = None,
    images: int | None = None,
    words: Sequence[str] | None = None,
    views: Sequence[str] | None = None,
    workers: Workers | None = None,
) -> CompositionReport:
    """Measure the words of a run's augmentations, or of those that one of its heads was added for.

    Args:
        run: The run.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        max_length: Longest word.
        head: A head of stage 3; None measures what stage 1 trained.
        images: How many test images to use, if not all.
        words: Words to aim at; by default all up to the longest.
        views: Where from; by default the original, each augmentation and their products.
        workers: Who measures; this process by default.

    Raises:
        RunError: There is no such head, or the data are not those of the run.
    """
    names, relabelling = augmentations_of_head(run, head)
    data = data or run.settings.load_data(data_dir)
    pictures, labels, ids = images_of_run(run, most=images, data=data)
    report = measure_composition(
        run.space,
        UnreducedOperators(run.registry),
        run.registry.catalog,
        pictures,
        names,
        words=words,
        views=views,
        max_length=max_length,
        labels=labels,
        ids=ids,
        seed=run.settings.seed,
        head=head or MAIN_HEAD,
        relabelling=relabelling,
        workers=workers,
    )
    errors = squared_error(mean_picture(data.train).to(pictures), pictures)
    return replace(report.named(data.classes), mean_picture=decibels(float(errors.mean(dtype=torch.float64))))


def mean_picture(split: Split) -> Float[Tensor, "1 channel height width"]:
    """The mean of all images of a split: what a latent space draws whose codes say nothing, at its best."""
    sums = torch.cat(
        [part.sum(0, keepdim=True, dtype=torch.int64) for part in split.images.chunk(1 + len(split) // 4096)]
    )
    return (sums.sum(0, keepdim=True) / (255 * len(split))).float()


def images_of_run(
    run: StoredRun, data_dir: str | Path | None = None, most: int | None = None, *, data: Dataset | None = None
) -> tuple[Float[Tensor, "image channel height width"], Int[Tensor, " image"], Sequence[int]]:
    """Test images of a run's data set on its device, with their labels and their numbers in the data set.

    Raises:
        RunError: The data are not those of the run.
    """
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    split = data.test.sample(most)
    pictures, ids = split.batch(slice(None))
    return pictures.to(device_of_space(run.space)), split.labels, ids


def augmentations_of_head(run: StoredRun, head: str | None) -> tuple[tuple[str, ...], Relabelling | None]:
    """The augmentations that a head draws, and the trained ones that they stand for."""
    if head in (None, MAIN_HEAD):
        return run.settings.augmentations, None
    if head not in run.transfers:
        known = ", ".join([MAIN_HEAD, *run.transfers])
        raise RunError(f"{run.folder} has no head {head!r}; it has {known}; 'augalg transfer' adds one")
    added = run.transfers[head]
    return added.augmentations, Relabelling(run.registry.catalog, added.meanings)
