"""Parts of a latent space held against the factors that images were drawn from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.alignment import Alignment, measure_alignment
from augalgebra.data.dataset import Dataset
from augalgebra.errors import DataError
from augalgebra.operators import Array, FiniteGroup
from augalgebra.runs.parts.partition import IMAGES, Partition
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.seeds import generator_for
from augalgebra.training.encoding import BATCH

PARTS, COORDINATES = "parts", "coordinates"
"""The blocks that are measured: those of the laws, and single coordinates of the latent space."""
CLASS, VIEW = "class", "view"
"""What the factors are called that say of which class an image is, and which element of the group it is under."""


def align_run(
    run: StoredRun,
    partition: Partition,
    *,
    images: int | None = IMAGES,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> dict[str, Alignment]:
    """Measure how well the parts of a latent space stand for the factors of test images, beside its coordinates.

    Each image is seen under an element of the group drawn at random, which is a factor as well: whether it is moved by
    each generator where all are their own inverses and commute, else which element it is. So is the class.

    Args:
        run: The run.
        partition: Its parts.
        images: How many test images, if not all.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Returns:
        The alignment of `PARTS` and of `COORDINATES`.

    Raises:
        DataError: What the images were drawn from is not known.
        AugalgebraError: There are too few images.
        RunError: The data are not those of the run.
    """
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    split, catalog, seed = data.test.sample(images), run.registry.catalog, run.settings.seed
    if not split.factors:
        raise DataError(
            f"what the images of {data.name} were drawn from is not known; of glyphs, pendulum and morpho it is"
        )
    pictures, ids = split.batch(slice(None))
    elements = torch.randint(len(partition.group), (len(ids),), generator=generator_for(seed, "views of factors"))
    moved = view_each(catalog, partition.group.elements, pictures, ids, elements, seed=seed)
    codes = encode_all(run, moved)
    factors = {name: values.double().numpy() for name, values in split.factors.items()}
    names = {CLASS: split.labels.double().numpy()} | _factors_of_views(catalog, partition.group, elements)
    factors |= names  # these are no quantities: what is measured must not hang on how they are numbered
    pieces = partition.split(codes)
    blocks: dict[str, dict[str, Array]] = {
        PARTS: {part.name: _own_coordinates(pieces[part.name], part.dim) for part in partition.parts},
        COORDINATES: {str(number): column[:, None] for number, column in enumerate(codes.double().numpy().T)},
    }
    return {name: measure_alignment(block, factors, nominal=names, seed=seed) for name, block in blocks.items()}


def view_each(
    catalog: Catalog,
    words: Sequence[Word],
    images: Float[Tensor, "image channel height width"],
    ids: Sequence[int],
    numbers: Int64[Tensor, " image"],
    *,
    seed: int,
) -> Float[Tensor, "image channel height width"]:
    """Each image under a word of its own.

    Args:
        catalog: Applies the words.
        words: The words.
        images: The images.
        ids: Their numbers in the data set.
        numbers: The number of the word of each.
        seed: Seed of everything drawn at random.
    """
    moved = images.clone()
    for number in sorted(set(numbers.tolist())):
        rows = (numbers == number).nonzero().squeeze(1)
        moved[rows] = catalog.apply(words[number], images[rows], seed=seed, ids=[ids[row] for row in rows.tolist()])
    return moved


@torch.no_grad()
def encode_all(run: StoredRun, images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image latent"]:
    """The codes of images, batch by batch, on the processor."""
    device = next(iter(run.space.parameters())).device
    return torch.cat([run.space.encode(part.to(device)).cpu() for part in torch.split(images, BATCH)])


def _own_coordinates(piece: Tensor, dim: int) -> Array:
    """A part in as many coordinates as it has dimensions, with the same distances."""
    offsets = piece.double().numpy()
    _, _, axes = np.linalg.svd(offsets - offsets.mean(axis=0), full_matrices=False)
    coordinates: Array = offsets @ axes[:dim].T
    return coordinates


def _factors_of_views(catalog: Catalog, group: FiniteGroup, elements: Tensor) -> dict[str, Array]:
    squares = np.diag(group.table)
    if (squares == 0).all() and len(group) == 2 ** len(group.generators):  # each generator is there or not
        letters = {word.letters[0]: catalog.display(word) for word in group.generators}
        return {
            name: np.array([letter in group.elements[number].letters for number in elements.tolist()], float)
            for letter, name in letters.items()
        }
    return {VIEW: elements.double().numpy()}
