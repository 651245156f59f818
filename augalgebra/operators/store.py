"""Operators in one safetensors file: one tensor for each, a JSON header, nothing pickled, written atomically."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from augalgebra.algebra.parsing import parse_word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError
from augalgebra.files import write_atomically
from augalgebra.operators.affine import AffineMap
from augalgebra.operators.arrays import Array
from augalgebra.operators.errors import StoreError
from augalgebra.operators.families import Family, FamilyOperator
from augalgebra.operators.operator import Readout
from augalgebra.operators.provenance import Provenance
from augalgebra.operators.registry import Encoded, OperatorRegistry
from augalgebra.operators.table import Entry, FamilyEntry

HEADER = "augalgebra"
KIND = "augalgebra.operators"
FORMAT = 1


def save_registry(registry: OperatorRegistry, path: str | Path) -> None:
    """Write a registry; what is read back is equal bit for bit, and equal registries give equal files.

    Each operator is a float64 tensor ``[latent, latent]``, with its shift as one more row if it has one; a family is
    stored as its generator with its drift as one more row.

    Args:
        registry: The operators.
        path: The file; it is replaced in one step.

    Raises:
        AugalgebraError: It cannot be written.
    """
    tensors: dict[str, Array] = {}
    operators, families = [], []
    for entry in registry.entries.values():
        key = str(entry.word)
        tensors[key] = _stacked(entry.map)
        operators.append({"tensor": key, "provenance": entry.provenance.to_json()})
        if entry.readout is not None:
            tensors[entry.readout.name] = _stacked(entry.readout.map)
            operators[-1]["readout"] = entry.readout.name
    for key, item in registry.families.items():
        tensors[key] = np.vstack([item.operator.generator, item.operator.drift])
        family = {"symbol": str(item.family.symbol), "position": item.family.position, "scale": item.family.scale}
        families.append({"tensor": key, "family": family, "provenance": item.provenance.to_json()})
    header = {
        "kind": KIND,
        "format": FORMAT,
        "dim": registry.dim,
        "encoder": registry.fingerprint,
        "operators": operators,
        "families": families,
    }
    # One entry only: safetensors writes several in random order, and equal registries shall give equal files.
    metadata = {HEADER: json.dumps(header, sort_keys=True)}
    contiguous = {key: np.ascontiguousarray(tensor, dtype=np.float64) for key, tensor in tensors.items()}
    write_atomically(path, save(contiguous, metadata=metadata))


def load_registry(
    path: str | Path, space: Encoded, catalog: Catalog, *, accept_stale: bool = False
) -> OperatorRegistry:
    """Read what `save_registry` wrote, if it still belongs to this latent space and these augmentations.

    Args:
        path: The file.
        space: The latent space.
        catalog: Augmentations and their laws, as they are now.
        accept_stale: Take operators that were fitted on another encoder, or on augmentations that have changed since;
            they then say so wherever they are used.

    Raises:
        StoreError: The file is missing or damaged, no file of operators, or of another dimension.
        StaleOperatorError: Encoder, laws or plugins have changed; the message names each.
    """
    path = Path(path)
    tensors, header = _read(path)
    if header.get("dim") != space.dim:
        raise StoreError(
            f"{path} holds operators on {header.get('dim')} latent coordinates, but this latent space has {space.dim}; "
            "they belong to another run"
        )
    registry = OperatorRegistry.of(space, catalog)
    try:
        names = {item.get("readout") for item in header["operators"]} - {None}
        # shared, since one readout follows a run of all operators that it belongs to
        readouts = {name: Readout(name, _split(tensors[name], space.dim)) for name in names}
        for item in header["operators"]:
            registry.put(_entry(item, tensors, readouts, space.dim))
        for item in header["families"]:
            registry.put(_family_entry(item, tensors, space.dim))
    except (KeyError, TypeError, ValueError, AugalgebraError) as error:
        raise StoreError(f"{path} does not hold the operators its header describes; fit them again") from error
    if not accept_stale:
        registry.require_fresh()
    return registry


def _read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    if not path.is_file():
        raise StoreError(f"{path} is missing; no operators have been fitted for this run yet")
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{path} is damaged ({reason}); fit the operators again") from error
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise StoreError(f"{path} is no file of operators")
    if header.get("format") != FORMAT:
        raise StoreError(f"{path} is of format {header.get('format')}, this version reads {FORMAT}; fit them again")
    return tensors, header


def _entry(item: Mapping[str, Any], tensors: Mapping[str, Array], readouts: Mapping[str, Readout], dim: int) -> Entry:
    word = parse_word(item["tensor"], variables=True)
    readout = item.get("readout")
    return Entry(
        word,
        _split(tensors[item["tensor"]], dim),
        Provenance.from_json(item["provenance"]),
        None if readout is None else readouts[readout],
    )


def _family_entry(item: Mapping[str, Any], tensors: Mapping[str, Array], dim: int) -> FamilyEntry:
    described = item["family"]
    ((symbol, _),) = parse_word(described["symbol"], variables=True).letters
    family = Family(symbol, int(described["position"]), described["scale"])
    parts = _split(tensors[item["tensor"]], dim)
    operator = FamilyOperator(parts.matrix, parts.shift)
    return FamilyEntry(family, operator, Provenance.from_json(item["provenance"]))


def _stacked(operator: AffineMap) -> Array:
    return operator.matrix if operator.is_linear else np.vstack([operator.matrix, operator.shift])


def _split(tensor: Array, dim: int) -> AffineMap:
    if tensor.dtype != np.float64 or tensor.shape not in ((dim, dim), (dim + 1, dim)):
        raise ValueError(f"a tensor of shape {tensor.shape} and type {tensor.dtype}")
    if not np.isfinite(tensor).all():
        raise ValueError("a tensor that is not finite")
    if len(tensor) == dim:
        return AffineMap.linear(tensor)
    return AffineMap(tensor[:-1].copy(), tensor[-1].copy())
