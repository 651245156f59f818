"""Random numbers by purpose: one seed, no global state, nothing to remember between steps.

Each use has a generator of its own that depends on the seed, a label and a counter only. A training step can
therefore be repeated, or taken up after an interruption, without replaying those before it.
"""

import hashlib

import numpy as np
import torch

from augalgebra.errors import AugalgebraError

__all__ = ["MOST", "check_seed", "derived_seed", "generator_for", "numpy_generator"]

MOST = 1 << 62
"""The largest seed, which every library and file takes."""


def check_seed(seed: int) -> None:
    """Raise `AugalgebraError` unless a seed is a whole number from 0 to `MOST`."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed <= MOST:
        raise AugalgebraError(f"a seed is a whole number from 0 to {MOST}, not {seed!r:.60}")


def numpy_generator(seed: int, *uses: int) -> np.random.Generator:
    """NumPy's generator for a seed, or for one of its uses.

    Raises:
        AugalgebraError: It is no seed.
    """
    check_seed(seed)
    return np.random.default_rng([seed, *uses] if uses else seed)


def generator_for(seed: int, purpose: str, counter: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one use.

    Args:
        seed: The seed of the run.
        purpose: What the numbers are for, e.g. ``"noise"``.
        counter: Which use of this purpose, e.g. the number of the step.
        device: Where the numbers are drawn.
    """
    return torch.Generator(device).manual_seed(derived_seed(seed, purpose, counter))


def derived_seed(seed: int, purpose: str, counter: int = 0) -> int:
    """The seed of one use: 63 bits of the SHA-256 of seed, purpose and counter."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{counter}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
