"""What ran it: without the machine's name a number says nothing."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    "augalgebra",
    "numpy",
    "scipy",
    "torch",
    "opencv-python-headless",
    "albumentations",
    "kornia",
    "scikit-learn",
    "kooplearn",
    "pydmd",
    "sympy",
    "libsemigroups-pybind11",
)
FLAGS = {"AVX2": "avx2", "AVX-512": "avx512f", "AVX-512 BF16": "avx512_bf16", "AMX": "amx_tile"}


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(threads: int) -> dict[str, Any]:
    """The machine and the programs, as plain data.

    Args:
        threads: Threads that every way may use.
    """
    import torch

    model, flags = _processor()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": model,
        "cores": usable_cores(),
        "instructions": [name for name, flag in FLAGS.items() if flag in flags],
        "memory_gib": round(_memory() / 2**30, 1),
        "threads": threads,
        "accelerator": device,
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "load_before": [round(one, 2) for one in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def sentence(machine: dict[str, Any]) -> str:
    """The same in one line."""
    instructions = ", ".join(machine["instructions"]) or "no vector instructions known"
    load = "" if machine["load_before"] is None else f"; load before: {machine['load_before'][0]}"
    return (
        f"{machine['processor']}, {machine['cores']} cores ({instructions}), {machine['threads']} "
        f"{'thread' if machine['threads'] == 1 else 'threads'}, "
        f"torch {machine['packages']['torch']}, accelerator: {machine['accelerator'] or 'none'}{load}"
    )


def _processor() -> tuple[str, frozenset[str]]:
    path = Path("/proc/cpuinfo")
    fields = dict[str, str]()
    if path.exists():
        for line in path.read_text().splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    model = fields.get("model name") or platform.processor() or platform.machine()
    return model, frozenset(fields.get("flags", fields.get("Features", "")).split())


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
