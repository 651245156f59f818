"""The latent space of a causal model in named parts: the block of each concept, and what no concept names."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.causal.architecture import State
from augalgebra.causal.model import CausalModel
from augalgebra.causal.settings import REST
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData


@dataclass(frozen=True)
class ConceptBlock(PlainData):
    """The part of a latent space that stands for one concept.

    Attributes:
        name: The concept, or ``rest``.
        dim: Coordinates of the block that the decoder is given.
        share: Of the variance of the codes of test images, concepts in standard units.
        causes: What causes the concept.
    """

    name: str
    dim: int
    share: float
    causes: tuple[str, ...]


@dataclass(frozen=True)
class ConceptBlocks(PlainData):
    """A latent space in the blocks of its concepts.

    Attributes:
        run: Folder of the run.
        parts: The blocks; the rest comes last, if there is any.
        images: Number of test images that shares were measured on.
    """

    run: str
    parts: tuple[ConceptBlock, ...]
    images: int

    def _repr_html_(self) -> str:
        rows = [(part.name, part.dim, part.share, ", ".join(part.causes)) for part in self.parts]
        return render_table(["block", "coordinates", "share", "caused by"], rows, self.run)


@torch.no_grad()
def measure_blocks(run: str, model: CausalModel, images: Float[Tensor, "image channel height width"]) -> ConceptBlocks:
    """Cut the latent space of a causal model into the blocks of its concepts.

    Args:
        run: Folder of the run.
        model: The model.
        images: Images whose codes are measured, at least two.
    """
    codes, _ = model.posterior(images.to(model.mean))
    variance = codes.double().var(0)
    count, whole = len(model.concepts), float(variance.sum()) or 1.0
    parts = [
        ConceptBlock(concept, model.blocks.size, float(variance[place]) / whole, model.graph.parents(concept))
        for place, concept in enumerate(model.concepts)
    ]
    if model.architecture.rest:
        parts.append(ConceptBlock(REST, model.architecture.rest, float(variance[count:].sum()) / whole, ()))
    return ConceptBlocks(run, tuple(parts), len(images))


def swap_blocks(
    model: CausalModel,
    first: Float[Tensor, "image channel height width"],
    second: Float[Tensor, "image channel height width"],
    concepts: Sequence[str],
) -> Float[Tensor, "image channel height width"]:
    """Pictures some of whose blocks are those of others; nothing follows from that, as no mechanism is asked.

    Args:
        model: The model.
        first: What gives all other blocks.
        second: What gives the blocks.
        concepts: Whose blocks; ``rest`` is what no concept names.

    Raises:
        UnknownNameError: There is no such concept.
    """
    content, other = (model.encode(images.to(model.mean)) for images in (first, second))
    values, rest = content.values.clone(), other.rest if REST in concepts else content.rest
    for concept in concepts:
        if concept != REST:
            place = model.graph.index(concept)
            values[:, place] = other.values[:, place]
    return model.decode(State(values, rest))
