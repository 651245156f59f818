"""All fits of operators for eight views of 60,000 latents, beside scikit-learn and scipy.

Run ``python bench/bench_fits.py [--images N] [--dim D] [--threads T]``. The latents are planted: a representation of
the symmetries of the square seen through a random linear map, with noise; nothing is encoded.
"""

import argparse
import os
import time
from collections.abc import Callable

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--images", type=int, default=60_000)
parser.add_argument("--dim", type=int, default=32)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--noise", type=float, default=0.3)
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(arguments.threads)  # before numpy is imported

import numpy as np  # noqa: E402
from scipy import linalg  # noqa: E402
from sklearn.linear_model import Ridge  # noqa: E402

from augalgebra import load_catalog  # noqa: E402
from augalgebra.operators import FiniteGroup, FitOptions, OperatorRegistry, ViewMoments, build_representation  # noqa: E402
from augalgebra.operators.groups.arrays import random_orthogonal  # noqa: E402

BATCH = 4096


def timed(name: str, function: Callable[[], object], note: Callable[[], str] = lambda: "") -> float:
    """Print and return the best of three times, in seconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    print(f"{name:<44}{min(times):9.4f} s   {note()}")
    return min(times)


def main() -> None:
    """Plant, time, print."""
    catalog = load_catalog()
    generators = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    start = time.perf_counter()
    group = FiniteGroup.closure(catalog.system(*generators).exact, generators)
    assert group is not None
    print(f"{'laws, closure (once)':<44}{time.perf_counter() - start:9.4f} s   {len(group)} elements")
    count, dim = arguments.images, arguments.dim
    random = np.random.default_rng(0)
    basis = random_orthogonal(dim, random) * np.exp(random.uniform(-1, 1, dim))
    originals = random.standard_normal((count, dim))
    matrices = build_representation(group, dim).matrices
    latents = np.stack([originals @ matrix @ basis for matrix in matrices]).astype(np.float32)
    latents += arguments.noise * random.standard_normal(latents.shape, dtype=np.float32)
    print(f"{len(group)} views of {count:,} latents, d = {dim}, {arguments.threads} threads; best of three\n")

    def stream() -> ViewMoments:
        moments = ViewMoments(group.elements, dim)
        for batch in range(0, count, BATCH):
            moments.add(latents[:, batch : batch + BATCH])
        return moments

    moments = stream()
    total = timed("moments of all views, streamed", stream)
    print()
    registry = OperatorRegistry(dim, "bench", catalog)

    def fit(name: str | None) -> Callable[[], object]:
        return lambda: registry.fit(moments, generators, name, FitOptions(), replace_existing=True)

    def quality() -> str:
        residuals = [entry.provenance.residual for entry in registry.entries.values()]
        return "residual " + ", ".join(f"{residual:.4f}" for residual in residuals if residual is not None)

    for name in ("ridge", "procrustes", "period", "representation", "representation+readout"):
        total += timed(f"both operators, {name}", fit(name), quality)
    total += timed(
        "structured, held and measured",
        lambda: registry.set_matrices(build_representation(group, dim), moments=moments, replace_existing=True),
        quality,
    )
    print(f"{'moments and all fits together':<44}{total:9.4f} s\n")

    source, target = latents[0], latents[1]
    timed("scikit-learn Ridge, one operator, one pair", lambda: Ridge(alpha=1e-3).fit(source, target))
    timed("scipy orthogonal_procrustes, likewise", lambda: linalg.orthogonal_procrustes(source, target))
    every = latents.reshape(-1, dim)
    moved = latents[group.table[:, 1]].reshape(-1, dim)
    timed("scikit-learn Ridge, one operator, all pairs", lambda: Ridge(alpha=1e-3).fit(every, moved))
    timed("scipy orthogonal_procrustes, likewise", lambda: linalg.orthogonal_procrustes(every, moved))


if __name__ == "__main__":
    main()
