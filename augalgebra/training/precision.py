"""Where and in which number format to compute."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from augalgebra.errors import AugalgebraError


def device_of(name: str = "auto") -> torch.device:
    """The device of a name.

    Args:
        name: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ….

    Raises:
        AugalgebraError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for CUDA
        raise AugalgebraError(f"there is no device {name!r} here; use 'cpu' or 'auto'") from error
    return device


def bfloat16_pays(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 so much faster that stage 1 gains by it.

    A processor needs matrix units for it (AMX). The vector instructions alone (AVX-512 BF16) multiply no faster than
    float32 ones do and conversions come on top: stage 1 on such an Intel Xeon ran at 0.75 of the speed of float32, as
    ``python -m bench --only training`` shows. Without either, bfloat16 is emulated, several times slower still.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Absent from older releases of torch, which then compute in float32.
    ask: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    return device.type == "cpu" and bool(ask().get("amx_bf16"))


def autocast(device: torch.device, *, bfloat16: bool) -> AbstractContextManager[object]:
    """A context in which products and convolutions are computed in bfloat16, if asked for."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
