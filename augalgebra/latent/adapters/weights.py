"""Reading the weights of others without running anything that came with them."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from augalgebra.errors import SpaceError
from augalgebra.image_batches import shape_text
from augalgebra.storage.values import read_bytes, shown_name

MOST_BYTES = 1 << 34
"""Largest file of weights that is read."""


def check_folder(folder: Path) -> Path:
    """The folder, if it is one.

    Raises:
        SpaceError: It is missing or no folder.
    """
    if not folder.is_dir():
        raise SpaceError(f"{folder} is {'no folder' if folder.exists() else 'missing'}; give the autoencoder's folder")
    return folder


def read_weights(path: Path, entry: str | None = None) -> dict[str, Tensor]:
    """Weights by name, those with fractions in float32: from safetensors, or from what ``torch.save`` wrote.

    The latter is a pickle. It is read by torch's unpickler for weights only, which calls nothing that the file names.

    Args:
        path: A file; whether it is safetensors, its ending says.
        entry: Where the weights are in a table of several things.

    Raises:
        SpaceError: It is missing or damaged, or holds something else than finite weights.
    """
    try:
        content: Any = load(read_bytes(path, MOST_BYTES)) if path.suffix == ".safetensors" else _unpickle(path)
    except OSError as error:
        raise SpaceError(f"{path} cannot be read ({error.strerror or error})") from error
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError, OverflowError, EOFError) as error:
        raise SpaceError(f"{path} is damaged ({' '.join(str(error).split())[:200]}); download it again") from error
    if entry is not None:
        content = content.get(entry) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise SpaceError(f"{path} holds no weights by name{f' under {entry!r}' if entry else ''}")
    weights = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in content.items()}
    for name, tensor in weights.items():
        if not bool(torch.isfinite(tensor).all()):
            raise SpaceError(f"{path} is damaged ({name} holds numbers that are not finite); download it again")
    return weights


def find_misfit(module: nn.Module, weights: Mapping[str, Tensor], prefix: str = "") -> str | None:
    """What is wrong with weights for a module: the first name that is missing or unknown or of another shape.

    Args:
        module: Its shapes count, not its values.
        weights: Weights by the module's names.
        prefix: What stands before these names in the file.
    """
    expected = module.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        shown = shown_name(prefix + name)
        if name not in expected:
            return f"it has the unknown key {shown!r}"
        if name not in weights:
            return f"{shown} is missing"
        if weights[name].shape != expected[name].shape:
            return f"{shown} has shape {shape_text(weights[name].shape)}, not {shape_text(expected[name].shape)}"
    return None


def _unpickle(path: Path) -> object:
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickles it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise SpaceError(
            f"{path} is a pickle of more than weights, or no file of weights at all; nothing else is unpickled here. "
            "Save its weights as safetensors"
        ) from error
