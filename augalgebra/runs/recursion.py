"""A word repeated through a trained run: losses, classes, and images of what drifts and what does not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.case_progress import CaseProgress
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.recursion import (
    WAYS,
    Classify,
    RecursionReport,
    Way,
    find_undoing_word,
    measure_recursion,
    repeat,
)
from augalgebra.data.dataset import Dataset
from augalgebra.latent.protocol import MAIN_HEAD, device_of_space
from augalgebra.runs.classifier import powers_of, train_classifier
from augalgebra.runs.moves import operator_for
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.precision import bfloat16_pays

_ROWS = 5


def recursion_of_run(
    run: StoredRun,
    word: str | Word,
    *,
    repeats: int = 50,
    images: int | None = 1000,
    ways: Sequence[Way] = WAYS,
    judged: bool = True,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    on_progress: CaseProgress | None = None,
) -> RecursionReport:
    """Repeat a word on test images of a run.

    Args:
        run: The run.
        word: The word.
        repeats: How often.
        images: How many test images, if not all.
        ways: Which ways to compare.
        judged: Whether a classifier is trained on the training images, to say what the drawn images still show. It
            sees them with the word undone where that is exact, else it learns images under the powers of the word.
            Without labels there is none.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        on_progress: Called with the number of images done and their total.

    Raises:
        RunError: The data are not those of the run.
        AugalgebraError: The word has no operator, or changes the size of images.
    """
    catalog, seed, device = run.registry.catalog, run.settings.seed, device_of_space(run.space)
    canonical = catalog.word(word)
    operator_for(run, canonical)  # what is missing is said before a classifier is trained
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    labelled = len(torch.unique(data.train.labels)) > 1
    classify: Classify | None = None
    if judged and labelled:
        seen = (IDENTITY,) if find_undoing_word(catalog, canonical) is not None else powers_of(catalog, canonical)
        classify = train_classifier(data.train, catalog, seen, seed=seed, device=device)
    split = data.test.sample(images)
    pictures, ids = split.batch(slice(None))
    report = measure_recursion(
        run.space,
        UnreducedOperators(run.registry),
        catalog,
        pictures.to(device),
        canonical,
        repeats=repeats,
        ways=ways,
        classify=classify,
        labels=split.labels if labelled else None,
        ids=ids,
        seed=seed,
        bfloat16=bfloat16_pays(device),
        on_progress=on_progress,
    )
    return replace(report, classes=data.classes)


def repeated_pictures(
    run: StoredRun,
    word: str | Word,
    shown: Sequence[int],
    ways: Sequence[Way],
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> dict[Way, Float[Tensor, "row repeat channel height width"]]:
    """The first test image of some labels after some repeats, in each way."""
    data = data or run.settings.load_data(data_dir)
    device = device_of_space(run.space)
    labels = data.test.labels.tolist()
    rows = torch.tensor([labels.index(label) for label in sorted(set(labels))][:_ROWS])
    originals = data.test.batch(rows)[0].to(device)
    operator = operator_for(run, run.registry.catalog.word(word))
    pictures: dict[Way, Tensor] = {}
    with torch.no_grad():
        for way in ways:
            drawn = repeat(
                run.space, operator, originals, max(shown), way, head=MAIN_HEAD, bfloat16=bfloat16_pays(device)
            )
            kept = [images for repeat, images in enumerate(drawn, start=1) if repeat in shown]
            pictures[way] = torch.stack(kept, dim=1)
    return pictures
