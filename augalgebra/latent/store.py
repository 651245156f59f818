"""Tensors with a header in one safetensors file: nothing pickled, atomic, equal bytes for equal content."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from augalgebra.errors import RunError
from augalgebra.files import write_atomically

_HEADER = "augalgebra"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header.

    Args:
        path: The file; it is replaced in one step.
        tensors: Tensor by name, on any device.
        header: What JSON can hold, with a ``kind`` that `read_tensors` asks for.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One entry only: safetensors writes several in random order, and equal runs shall give equal files.
    metadata = {_HEADER: json.dumps(header)}
    write_atomically(path, save(plain, metadata=metadata))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Returns:
        The tensors by name, and the header.

    Raises:
        RunError: The file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise RunError(f"{path} is missing; was this run trained?")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError, OSError) as error:
        raise RunError(f"{path} is damaged ({error}); train it again") from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise RunError(f"{path} is no {kind} file; it was written by another program or version")
    return tensors, header
