"""Content of one picture with the pose of another: codes recombined by their parts, judged and drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra.words import IDENTITY
from augalgebra.data.dataset import Dataset, Split
from augalgebra.errors import FitError
from augalgebra.latent.protocol import device_of_space
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData
from augalgebra.runs.classifier import train_classifier
from augalgebra.runs.parts.factors import view_each
from augalgebra.runs.parts.partition import IMAGES, Partition
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.seeds import generator_for

MOST_VIEWS = 16
"""Elements of the largest group whose views a classifier is asked to tell apart."""
_LEARNT = 10_000  # images that the classifier of views learns from
_FRAME = 160 / 255  # the grey between the tiles of a grid


@dataclass(frozen=True)
class SwapScore(PlainData):
    """What frozen classifiers see in pictures that should have the content of one image and the view of another.

    Attributes:
        content: Share that shows the class of the one; None where images have no classes.
        view: Share that shows the view of the other.
    """

    content: float | None
    view: float


@dataclass(frozen=True)
class SwapReport(PlainData):
    """Contents and views swapped between test images, each under a view drawn at random.

    Attributes:
        images: How many pairs.
        views: The views.
        scores: By what was done. ``true pictures`` are the ceiling: the first image under the view of the second.
            ``encoded and decoded`` are those through the latent space, the floor of what follows. ``parts swapped``:
            the unchanged part of the first code with all other parts of the second. ``pose moved``: the first code
            moved from its own pose to that of the second, both told by the parts. ``upright``: the first code brought
            upright. ``nothing done``: the first code as it is.
    """

    images: int
    views: tuple[str, ...]
    scores: Mapping[str, SwapScore]

    def _repr_html_(self) -> str:
        rows = [(name, score.content, score.view) for name, score in self.scores.items()]
        return render_table(["what", "content", "view"], rows, f"{self.images} pairs")


@torch.no_grad()
def measure_swap(
    run: StoredRun,
    partition: Partition,
    *,
    images: int | None = IMAGES,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> SwapReport:
    """Swap contents and views of test images, and let frozen classifiers say what is drawn.

    One classifier learns classes from training images under every view, the other learns the views.

    Args:
        run: The run.
        partition: Its parts.
        images: How many test images, if not all.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Raises:
        FitError: The group is too large.
        RunError: The data are not those of the run.
    """
    words = partition.group.elements
    if not 1 < len(words) <= MOST_VIEWS:
        raise FitError(f"views are judged in groups of 2 to {MOST_VIEWS} elements; this one has {len(words)}")
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    catalog, seed, device = run.registry.catalog, run.settings.seed, device_of_space(run.space)
    with torch.enable_grad():
        judge_view = train_classifier(
            _views_of(run, partition, data.train), catalog, [IDENTITY], seed=seed, device=device
        )
        judge_content = None
        if len(torch.unique(data.train.labels)) > 1:
            judge_content = train_classifier(data.train, catalog, words, seed=seed, device=device)

    split = data.test.sample(images)
    pictures, ids = split.batch(slice(None))
    generator = generator_for(seed, "swapped parts")
    partner = torch.randperm(len(ids), generator=generator)
    own, other = (torch.randint(len(words), (len(ids),), generator=generator) for _ in range(2))

    def under(originals: Tensor, numbers: Sequence[int], views: Tensor) -> Tensor:
        return view_each(catalog, words, originals, numbers, views, seed=seed).to(device)

    first = run.space.encode(under(pictures, ids, own))
    second = run.space.encode(under(pictures[partner], [ids[row] for row in partner.tolist()], other))
    true = under(pictures, ids, other)
    upright = torch.zeros_like(other)
    decode: Callable[[Tensor], Tensor] = run.space.decode
    drawn: dict[str, tuple[Tensor, Tensor]] = {
        "true pictures": (true, other),
        "encoded and decoded": (decode(run.space.encode(true)), other),
        "parts swapped": (decode(partition.swap(first, second)), other),
        "pose moved": (decode(partition.transfer_pose(first, second)), other),
        "upright": (decode(partition.canonicalise(first)), upright),
        "nothing done": (decode(first), other),
    }
    scores = {
        name: SwapScore(
            None if judge_content is None else _agreement(judge_content(shown), split.labels),
            _agreement(judge_view(shown), views),
        )
        for name, (shown, views) in drawn.items()
    }
    return SwapReport(len(ids), partition.elements, scores)


@torch.no_grad()
def draw_swap(
    run: StoredRun, partition: Partition, images: Float[Tensor, "two channel height width"]
) -> Float[Tensor, "row column channel height width"]:
    """Draw two images, their parts swapped, and the views of the first brought upright.

    Args:
        run: The run.
        partition: Its parts.
        images: The images A and B.

    Returns:
        Three rows. First: A, B, A with the other parts of B, B with those of A, A in the pose of B, B in that of A.
        Second: views of A, as operators draw them. Third: the same, each brought upright by its parts.
    """
    codes = run.space.encode(images.to(device_of_space(run.space)))
    swapped, moved = (
        [change(codes[:1], codes[1:]), change(codes[1:], codes[:1])]
        for change in (partition.swap, partition.transfer_pose)
    )
    elements = torch.arange(min(len(partition.group), MOST_VIEWS))
    views = partition.move(codes[:1].expand(len(elements), -1), elements)
    rows = [
        torch.cat([images.to(codes.device), run.space.decode(torch.cat([*swapped, *moved]))]),
        run.space.decode(views),
        run.space.decode(partition.canonicalise(views)),
    ]
    columns = max(map(len, rows))
    grid = images.new_full((len(rows), columns, *images.shape[1:]), _FRAME)
    for row, tiles in zip(grid, rows, strict=True):
        row[: len(tiles)] = tiles.cpu()
    return grid


def _views_of(run: StoredRun, partition: Partition, split: Split) -> Split:
    """Images under every element of the group, with its number as their label."""
    words = partition.group.elements
    images, ids = split.sample(max(1, _LEARNT // len(words))).batch(slice(None))
    catalog, seed = run.registry.catalog, run.settings.seed
    moved = [(catalog.apply(word, images, seed=seed, ids=ids) * 255).round().byte() for word in words]
    return Split(torch.cat(moved), torch.arange(len(words)).repeat_interleave(len(images)))


def _agreement(seen: Int64[Tensor, " image"], wanted: Int64[Tensor, " image"]) -> float:
    return float((seen.cpu() == wanted).double().mean())
