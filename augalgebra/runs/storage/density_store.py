"""The density of a run's codes in one safetensors file: the tensors of its flow, a JSON header, nothing pickled."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from augalgebra.algebra.parsing import parse_word
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.code_flow import MOST_BINS, MOST_LAYERS, WIDEST, CodeFlow, CodeFlowShape
from augalgebra.runs.storage.code_density import CodeDensity
from augalgebra.storage.values import Fields, parse_json, safetensors_header

Array = npt.NDArray[np.float32]

HEADER = "augalgebra"
KIND = "augalgebra.density"
FORMAT = 1
_MOST_CONDITIONS = 1 << 16
_LARGEST = (1 << 63) - 1
_REMEDY = "bring it back from a copy"


def pack_density(density: CodeDensity) -> bytes:
    """A density as the content of a file; equal ones give equal files, and what is read back is equal bit for bit."""
    shape = density.flow.shape
    header = {
        "kind": KIND,
        "format": FORMAT,
        "dim": shape.dim,
        "condition": shape.condition,
        "layers": shape.layers,
        "width": shape.width,
        "bins": shape.bins,
        "encoder": density.encoder,
        "classes": list(density.classes),
        "names": list(density.names),
        "shares": dict(zip(density.names, density.shares, strict=True)),
        "views": list(density.view_names),
        "images": density.images,
        "steps": density.steps,
        "held_out": density.held_out,
        "nats": dict(density.nats),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in density.flow.to_arrays().items()}
    return save(arrays, metadata={HEADER: json.dumps(header)})


def unpack_density(content: bytes, path: Path) -> CodeDensity:
    """Read what `pack_density` made.

    Args:
        content: The content of the file.
        path: The file, for messages.

    Raises:
        RunError: It is damaged, or no file of a density.
    """
    try:
        arrays = load(content)
        data = parse_json((safetensors_header(content).get("__metadata__") or {}).get(HEADER, "{}"))
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise RunError(f"{path} is damaged ({' '.join(str(error).split())}); {_REMEDY}") from error
    header = Fields(data, f"{path}: header", RunError, _REMEDY)
    if header.data.get("kind") != KIND or header.data.get("format") != FORMAT:
        raise RunError(f"{path} is no file of a density, or not of format {FORMAT}; {_REMEDY}")
    shape = CodeFlowShape(
        header.whole("dim", 1),
        header.whole("condition", 0, _MOST_CONDITIONS),
        header.whole("layers", 1, MOST_LAYERS),
        header.whole("width", 1, WIDEST),
        header.whole("bins", 2, MOST_BINS),
    )
    names, shares, nats = header.texts("names"), header.table("shares"), header.table("nats")
    classes = header.wholes("classes", len(names), -_LARGEST, _LARGEST)
    try:
        views = tuple(parse_word(text) for text in header.texts("views"))
        flow = _flow(shape, arrays, len(classes), len(views))
    except (ValueError, AugalgebraError) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"{path} does not hold the density its header describes ({reason}); {_REMEDY}") from error
    return CodeDensity(
        flow,
        classes,
        names,
        tuple(shares.number(name) for name in names),
        views,
        header.digest("encoder"),
        header.whole("images"),
        header.whole("steps"),
        header.whole("held_out"),
        {name: nats.number(name) for name in nats.data},
    )


def _flow(shape: CodeFlowShape, arrays: dict[str, Array], classes: int, views: int) -> CodeFlow:
    if shape.layers * shape.width**2 > sum(array.size for array in arrays.values()):
        raise ValueError("too few numbers")  # before a network is made that may be far larger than the file
    if not views or shape.condition != classes + (views if views > 1 else 0):
        raise ValueError("a condition of another length")
    return CodeFlow.from_arrays(shape, arrays)
