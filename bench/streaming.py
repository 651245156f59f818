"""A process of its own that streams latents into moments, fits an operator, and prints the most MiB that it held."""

import resource
import sys
from pathlib import Path

import numpy as np

import augalgebra as aa
from augalgebra.operators import OperatorRegistry, ViewMoments


def peak() -> float:
    """The most MiB of memory that this process held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """Make latents batch by batch, as an encoder would."""
    count, dim, batch = map(int, sys.argv[1:])
    catalog = aa.load_catalog()
    flip = catalog.word("flip_lr")
    moments = ViewMoments((aa.Word(), flip), dim)
    random = np.random.default_rng(0)
    mirror = np.linalg.qr(random.standard_normal((dim, dim)))[0].astype(np.float32)
    mirror = mirror @ np.diag((-1.0) ** np.arange(dim)).astype(np.float32) @ mirror.T
    for start in range(0, count, batch):
        latents = random.standard_normal((min(batch, count - start), dim), dtype=np.float32)
        moments.add(np.stack([latents, latents @ mirror]))
    registry = OperatorRegistry(dim, "bench", catalog)
    registry.fit(moments, [flip])
    if moments.count != count or np.abs(registry.operator(flip).matrix - mirror).max() > 1e-4:
        raise ArithmeticError("the operator is not the one that was planted")
    print(peak())


if __name__ == "__main__":
    main()
