"""Causal models in one file: weights and what determines their shapes, nothing pickled."""

from dataclasses import asdict
from pathlib import Path

import torch

from augalgebra.causal.architecture import CausalArchitecture
from augalgebra.causal.graphs import CausalGraph, GraphPrior
from augalgebra.causal.mechanisms import MECHANISM_KINDS
from augalgebra.causal.model import CausalModel
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.likelihoods import LIKELIHOODS
from augalgebra.latent.store import pack_tensors, read_tensors, unpack_tensors
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import Fields

KIND = "augalgebra.causal"
"""What the header of a stored model says it is."""

_MOST, _MOST_CONCEPTS = 1 << 14, 1000


def model_bytes(model: CausalModel) -> bytes:
    """A model as the content of a safetensors file."""
    header = {"kind": KIND, **asdict(model.architecture), "graph": model.graph.to_dict()}
    return pack_tensors(model.state_dict(), header)


def save_model(model: CausalModel, path: Path) -> None:
    """Write a model, atomically."""
    write_atomically(path, model_bytes(model))


def load_model(path: Path, *, content: bytes | None = None) -> CausalModel:
    """Read what `save_model` wrote.

    Args:
        path: The file.
        content: Its content, if it was read already.

    Raises:
        RunError: The file is missing, damaged or no causal model.
    """
    tensors, header = read_tensors(path, KIND) if content is None else unpack_tensors(content, path, KIND)
    architecture, graph = _architecture(header)
    with torch.device("meta"):
        wanted = {name: (t.shape, t.dtype) for name, t in _make(architecture, graph, header).state_dict().items()}
    found = {name: (t.shape, t.dtype) for name, t in tensors.items()}
    if wanted != found:
        place = min(name for name, _ in wanted.items() ^ found.items())
        raise header.failed(f"{path} does not hold the model its header describes (see {place})")
    model = _make(architecture, graph, header)
    model.load_state_dict(tensors)
    if not torch.equal(model.mechanisms.edges.cpu(), torch.as_tensor(graph.matrix)):
        raise header.failed(f"{path} does not hold the graph its header describes")
    if not bool((model.deviation > 0).all()):
        raise header.failed(f"{path} is damaged: a concept has a deviation that is not positive")
    return model.eval()


def _architecture(header: Fields) -> tuple[CausalArchitecture, CausalGraph]:
    channels, height, breadth = header.wholes("image_shape", 3, 1, _MOST)
    try:
        architecture = CausalArchitecture(
            (channels, height, breadth),
            header.texts("concepts", _MOST_CONCEPTS),
            header.one_of("mechanisms", MECHANISM_KINDS),
            header.whole("rest", 0, _MOST),
            header.whole("width", 1, _MOST),
            header.whole("waves", 0, _MOST),
            header.one_of("likelihood", tuple(LIKELIHOODS)),  # type: ignore[arg-type]  # the keys are its names
        )
        return architecture, CausalGraph.from_fields(header.table("graph"))
    except RunError:
        raise
    except AugalgebraError as error:
        raise header.failed(f"{header.where}: {error}") from error


def _make(architecture: CausalArchitecture, graph: CausalGraph, header: Fields) -> CausalModel:
    try:
        return CausalModel(architecture, GraphPrior.given(graph))
    except AugalgebraError as error:
        raise header.failed(f"{header.where}: {error}") from error
