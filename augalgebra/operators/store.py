"""Operators in one safetensors file: one tensor for each, a JSON header, nothing pickled, written atomically."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from augalgebra.algebra.parsing import parse_word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, StoreError
from augalgebra.operators.families import Family, FamilyOperator, Scale
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.charts import MOST_LAYERS, WIDEST, Chart, Flow, FlowShape
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.lookup import Entry, FamilyEntry
from augalgebra.operators.operator import Readout
from augalgebra.operators.provenance import Provenance
from augalgebra.operators.registry import EncodedSpace, OperatorRegistry
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import Fields, parse_json, read_bytes, safetensors_header, show_value

HEADER = "augalgebra"
KIND = "augalgebra.operators"
FORMAT, CURVED = 1, 2
"""The second has flows, which those who read the first would take for linear operators."""
MOST_BYTES = 1 << 32
"""Largest file of operators that is read."""


def save_registry(registry: OperatorRegistry, path: str | Path) -> None:
    """Write what `pack_registry` makes.

    Args:
        registry: The operators.
        path: The file; it is replaced in one step.

    Raises:
        AugalgebraError: It cannot be written.
    """
    write_atomically(path, pack_registry(registry))


def pack_registry(registry: OperatorRegistry) -> bytes:
    """A registry as the content of a file; what is read back is equal bit for bit, and equal ones give equal files.

    Each operator is a float64 tensor ``[latent, latent]``, with its shift as one more row if it has one; a family is
    stored as its generator with its drift as one more row, a flow as the float32 tensors of its networks.
    """
    tensors: dict[str, Array] = {}
    charts: dict[str, FlowShape] = {}
    operators, families = [], []
    for entry in registry.entries.values():
        key = str(entry.word)
        tensors[key] = _stacked(entry.map)
        operators.append({"tensor": key, "provenance": entry.provenance.to_dict()})
        if entry.readout is not None:
            tensors[entry.readout.name] = _stacked(entry.readout.map)
            operators[-1]["readout"] = entry.readout.name
        if entry.chart is not None:
            operators[-1]["chart"] = entry.chart.name
            charts[entry.chart.name] = entry.chart.flow.shape
            arrays = entry.chart.flow.to_arrays()
            tensors |= {f"{entry.chart.name}/{name}": array for name, array in arrays.items()}
    for key, item in registry.families.items():
        tensors[key] = np.vstack([item.operator.generator, item.operator.drift]).astype(np.float64)
        family = {"symbol": str(item.family.symbol), "position": item.family.position, "scale": item.family.scale}
        families.append({"tensor": key, "family": family, "provenance": item.provenance.to_dict()})
    header = {
        "kind": KIND,
        "format": CURVED if charts else FORMAT,
        "dim": registry.dim,
        "encoder": registry.fingerprint,
        "operators": operators,
        "families": families,
    }
    if charts:
        header["charts"] = {name: {"layers": shape.layers, "width": shape.width} for name, shape in charts.items()}
    # One entry only: safetensors writes several in random order, and equal registries shall give equal files.
    metadata = {HEADER: json.dumps(header, sort_keys=True)}
    contiguous = {key: np.ascontiguousarray(tensor) for key, tensor in tensors.items()}
    return save(contiguous, metadata=metadata)


def load_registry(
    path: str | Path, space: EncodedSpace, catalog: Catalog, *, accept_stale: bool = False, content: bytes | None = None
) -> OperatorRegistry:
    """Read what `save_registry` wrote, if it still belongs to this latent space and these augmentations.

    Args:
        path: The file.
        space: The latent space.
        catalog: Augmentations and their laws, as they are now.
        accept_stale: Take operators that were fitted on another encoder, or on augmentations that have changed since;
            they then say so wherever they are used.
        content: The file's content, if it was read already.

    Raises:
        StoreError: The file is missing or damaged, no file of operators, or of another dimension.
        StaleOperatorError: Encoder, laws or plugins have changed; the message names each.
    """
    path = Path(path)
    tensors, header = _unpack(_read(path) if content is None else content, path)
    if header.data.get("dim") != space.dim:
        raise StoreError(
            f"{path} holds operators on {show_value(header.data.get('dim'))} latent coordinates, but this latent space "
            f"has {space.dim}; they belong to another run"
        )
    registry = OperatorRegistry.of(space, catalog)
    try:
        items = header.tables("operators")
        names = {item.text("readout") for item in items if "readout" in item}
        # shared, since one readout follows a run of all operators that it belongs to
        readouts = {name: Readout(name, _split(tensors[name], space.dim)) for name in names}
        described = header.table("charts").data if "charts" in header else {}
        charts = {name: _chart(name, header, tensors, space.dim) for name in described}
        for item in items:
            registry.add(_entry(item, tensors, readouts, charts, space.dim))
        for item in header.tables("families"):
            registry.add(_family_entry(item, tensors, space.dim))
    except (KeyError, TypeError, ValueError, AugalgebraError) as error:
        raise StoreError(f"{path} does not hold the operators its header describes; fit them again") from error
    if not accept_stale:
        registry.require_fresh()
    return registry


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise StoreError(f"{path} is missing; no operators have been fitted for this run yet") from error
    except OSError as error:
        raise StoreError(f"{path} is damaged ({error.strerror or error}); fit the operators again") from error


def _unpack(content: bytes, path: Path) -> tuple[dict[str, Array], Fields]:
    try:
        tensors = load(content)
        header = parse_json((safetensors_header(content).get("__metadata__") or {}).get(HEADER, "{}"))
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{path} is damaged ({reason}); fit the operators again") from error
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise StoreError(f"{path} is no file of operators")
    if header.get("format") not in (FORMAT, CURVED):
        raise StoreError(
            f"{path} is of format {show_value(header.get('format'))}, this version reads {FORMAT} and {CURVED}; "
            "fit them again"
        )
    return tensors, Fields(header, f"{path}: header", StoreError, "fit the operators again")


def _chart(name: str, header: Fields, tensors: Mapping[str, Array], dim: int) -> Chart:
    described = header.table("charts").table(name)
    shape = FlowShape(dim, described.whole("layers", 1, MOST_LAYERS), described.whole("width", 1, WIDEST))
    arrays = {key.removeprefix(f"{name}/"): array for key, array in tensors.items() if key.startswith(f"{name}/")}
    if shape.layers * shape.width**2 > sum(array.size for array in arrays.values()):
        raise ValueError(f"too few numbers for {name}")  # before a network is made that may be far larger than the file
    return Chart(name, Flow.from_arrays(shape, arrays))


def _entry(
    item: Fields,
    tensors: Mapping[str, Array],
    readouts: Mapping[str, Readout],
    charts: Mapping[str, Chart],
    dim: int,
) -> Entry:
    tensor = item.text("tensor")
    word = parse_word(tensor, variables=True)
    if [exponent for _, exponent in word.syllables] != [1]:
        raise item.wrong("tensor", "one augmentation", tensor)
    return Entry(
        word,
        _split(tensors[tensor], dim),
        read_provenance(item.table("provenance")),
        readouts[item.text("readout")] if "readout" in item else None,
        charts[item.text("chart")] if "chart" in item else None,
    )


def _family_entry(item: Fields, tensors: Mapping[str, Array], dim: int) -> FamilyEntry:
    described = item.table("family")
    ((symbol, _),) = parse_word(described.text("symbol"), variables=True).letters
    family = Family(
        symbol, described.whole("position", 0, len(symbol.args) - 1), described.one_of("scale", get_args(Scale))
    )
    parts = _split(tensors[item.text("tensor")], dim)
    operator = FamilyOperator(parts.matrix, parts.shift)
    return FamilyEntry(family, operator, read_provenance(item.table("provenance")))


def read_provenance(item: Fields) -> Provenance:
    """Where an operator came from, each value looked at.

    Raises:
        StoreError: A value is missing or of another kind.
    """
    for key in ("word", "name", "plugin", "version", "laws", "encoder", "fit"):
        item.text(key)
    for key in {"images", "rank"} & item.data.keys():
        item.whole(key)
    for key in ("residual", "identity_residual", "condition"):
        # a singular operator has an infinite condition
        if item.data.get(key) not in (None, math.inf):
            item.number(key)
    if "details" in item:
        item.table("details")
    return Provenance.from_dict(item.data)


def _stacked(operator: AffineMap) -> Array:
    rows = operator.matrix if operator.is_linear else np.vstack([operator.matrix, operator.shift])
    return np.asarray(rows, dtype=np.float64)


def _split(tensor: Array, dim: int) -> AffineMap:
    if tensor.dtype != np.float64 or tensor.shape not in ((dim, dim), (dim + 1, dim)):
        raise ValueError(f"a tensor of shape {tensor.shape} and type {tensor.dtype}")
    if not np.isfinite(tensor).all():
        raise ValueError("a tensor that is not finite")
    if len(tensor) == dim:
        return AffineMap.linear(tensor)
    return AffineMap(tensor[:-1].copy(), tensor[-1].copy())
