"""Tensors with a header in one safetensors file: nothing pickled, atomic, equal bytes for equal content."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from augalgebra.errors import RunError
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import Fields, parse_json, read_bytes, safetensors_header

MOST_BYTES = 1 << 34
"""Largest file of tensors that is read."""

_HEADER = "augalgebra"
_MOST_DIMENSIONS = 8


def pack_tensors(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """Tensors and a JSON header as the content of a safetensors file.

    Args:
        tensors: Tensor by name, on any device.
        header: What JSON can hold, with a ``kind`` that `unpack_tensors` asks for.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One entry only: safetensors writes several in random order, and equal runs shall give equal files.
    return save(plain, metadata={_HEADER: json.dumps(header)})


def unpack_tensors(content: bytes, path: Path, kind: str) -> tuple[dict[str, Tensor], Fields]:
    """Undo `pack_tensors`.

    Args:
        content: What was packed.
        path: The file that it was read from, for messages.
        kind: What it must be.

    Returns:
        The tensors by name, and the header.

    Raises:
        RunError: It is damaged or of another kind, or holds numbers that are not finite.
    """
    try:
        tensors = load(content)
        header = parse_json((safetensors_header(content).get("__metadata__") or {}).get(_HEADER, "{}"))
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, OverflowError) as error:
        raise RunError(f"{path} is damaged ({' '.join(str(error).split())}); train it again") from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise RunError(f"{path} is no {kind} file; it was written by another program or version")
    for name, tensor in tensors.items():
        if tensor.dim() > _MOST_DIMENSIONS:  # torch itself fails on some
            raise RunError(f"{path} is damaged ({name} has {tensor.dim()} dimensions); train it again")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise RunError(f"{path} is damaged ({name} holds numbers that are not finite); train it again")
    return tensors, Fields(header, f"{path}: header", RunError, "train it again")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write what `pack_tensors` makes; the file is replaced in one step.

    Raises:
        AugalgebraError: It cannot be written.
    """
    write_atomically(path, pack_tensors(tensors, header))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], Fields]:
    """Read what `write_tensors` wrote.

    Returns:
        The tensors by name, and the header.

    Raises:
        RunError: The file is missing, damaged or of another kind.
    """
    try:
        content = read_bytes(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; was this run trained?") from error
    except OSError as error:
        raise RunError(f"{path} is damaged ({error.strerror or error}); train it again") from error
    return unpack_tensors(content, path, kind)
