"""Rows about operators: fits beside gradients and beside other programs, and the memory that streaming takes.

The latents are planted: a representation of the symmetries of the square seen through a random linear map, with noise.
Every fit begins with the latents themselves, so that ours has its one pass over them in its time.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

import augalgebra as aa
from augalgebra.operators import FiniteGroup, FitOptions, OperatorRegistry, ViewMoments, build_representation
from augalgebra.operators.fits.gradient_descent import BATCH, EPOCHS, fit_by_descent
from augalgebra.operators.groups.arrays import random_orthogonal
from augalgebra.training.adabelief import AdaBelief
from bench.harness import Call, Peer, Row

Latents = npt.NDArray[np.float32]

DIM, NOISE, RIDGE = 32, 0.3, 1e-3
MANY = 10_000_000
THOUSAND_TIMES = 1000
MEMORY = 1024.0
STREAM = 4096
"""Latents of one batch, as an encoder gives them."""


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    catalog = aa.load_catalog()
    count = 500 if smoke else 60_000
    latents = plant(catalog, count)
    yield _descent(catalog, latents, epochs=1 if smoke else EPOCHS)
    yield _ridge(catalog, latents)
    yield _all_fits(catalog, latents)
    yield _memory(10_000 if smoke else MANY)


def plant(catalog: aa.Catalog, count: int) -> Latents:
    """Latents of all eight views, ``[view, image, latent]``; the first two are the original and ``flip_lr``."""
    group = _group(catalog)
    random = np.random.default_rng(0)
    basis = random_orthogonal(DIM, random) * np.exp(random.uniform(-1, 1, DIM))
    originals = random.standard_normal((count, DIM))
    latents = np.stack([originals @ matrix @ basis for matrix in build_representation(group, DIM).matrices])
    return (latents + NOISE * random.standard_normal(latents.shape)).astype(np.float32)


def residual(matrix: npt.NDArray[Any], latents: Latents) -> float:
    """Mean squared error of z L against z', as a share of the variance of z'."""
    source, target = latents[0].astype(np.float64), latents[1].astype(np.float64)
    return float(((source @ matrix - target) ** 2).mean() / (target**2).mean())


def stream(words: tuple[aa.Word, ...], latents: Latents) -> ViewMoments:
    """Moments in batches."""
    moments = ViewMoments(words, DIM)
    for start in range(0, latents.shape[1], STREAM):
        moments.add(latents[:, start : start + STREAM])
    return moments


def _group(catalog: aa.Catalog) -> FiniteGroup:
    generators = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    group = FiniteGroup.closure(catalog.system(*generators).exact, generators)
    if group is None:
        raise ArithmeticError("these generate a group of eight elements")
    return group


def _descent(catalog: aa.Catalog, latents: Latents, epochs: int) -> Row:
    """The published second stage, its matrix learned by gradients, against closed forms."""
    flip = catalog.word("flip_lr")
    words, pair, count = (aa.Word(), flip), latents[:2], latents.shape[1]
    found: dict[str, npt.NDArray[Any]] = {}

    def closed() -> None:
        moments, registry = stream(words, pair), OperatorRegistry(DIM, "bench", catalog)
        for fit in ("ridge", "involution"):
            registry.fit(moments, [flip], fit, FitOptions(centred=False, pairs="original"), replace_existing=True)
            found[fit] = registry.operator(flip).matrix

    def torch_loop() -> None:
        torch.manual_seed(0)
        layer = nn.Linear(DIM, DIM, bias=False)
        optimizer, eye = AdaBelief(layer.parameters(), lr=1e-3), torch.eye(DIM)
        source, target = torch.from_numpy(pair)
        for _ in range(epochs):
            for rows_ in torch.randperm(count).split(BATCH):
                squared = layer.weight @ layer.weight
                loss = (layer(source[rows_]) - target[rows_]).square().mean() + (eye - squared).square().sum()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        found["torch"] = layer.weight.detach().numpy().T

    def descent() -> None:
        found["numpy"] = fit_by_descent(pair[0], pair[1], epochs=epochs)

    def note() -> str:
        errors = ", ".join(
            f"{name} {residual(matrix, latents):.4f} and ‖I - L²‖ {np.linalg.norm(np.eye(DIM) - matrix @ matrix):.1g}"
            for name, matrix in found.items()
        )
        return f"residual: {errors}"

    return Row(
        "two closed forms from latents, least squares and an involution, against the published stage 2",
        closed,
        (
            Peer("by gradients, PyTorch", torch_loop, bar=THOUSAND_TIMES),
            Peer("by gradients, our NumPy", descent, bar=THOUSAND_TIMES),
        ),
        counted=f"{count:,} pairs of latents of {DIM} coordinates, moments included; {epochs} epochs by {BATCH}",
        note=note,
    )


def _ridge(catalog: aa.Catalog, latents: Latents) -> Row:
    """One operator by ridge least squares from the same pairs."""
    flip = catalog.word("flip_lr")
    words, pair = (aa.Word(), flip), latents[:2]
    found: dict[str, Callable[[], npt.NDArray[Any]]] = {}

    def ours() -> None:
        registry = OperatorRegistry(DIM, "bench", catalog)
        registry.fit(stream(words, pair), [flip], "ridge", FitOptions(ridge=RIDGE, centred=False, pairs="original"))
        found["ours"] = lambda: registry.operator(flip).matrix

    def sklearn(module: Any) -> Call:
        def call() -> None:
            model = module.Ridge(alpha=RIDGE, fit_intercept=False).fit(pair[0], pair[1])
            found["scikit-learn"] = lambda: model.coef_.T

        return call

    def kooplearn(module: Any) -> Call:
        trajectory = np.concatenate(pair)  # it takes pairs at a distance of so many rows

        def call() -> None:
            model = module.Ridge(alpha=RIDGE, lag_time=len(pair[0])).fit(trajectory)
            found["kooplearn"] = lambda: model.estimator_

        return call

    def pydmd(module: Any) -> Call:
        source, target = pair[0].T, pair[1].T

        def call() -> None:
            model = module.DMD(svd_rank=-1, tikhonov_regularization=RIDGE).fit(source, target)
            modes = model.operator

            def matrix() -> npt.NDArray[Any]:
                return np.asarray(model._svd_modes @ modes.as_numpy_array @ model._svd_modes.conj().T).real.T

            found["PyDMD"] = matrix

        return call

    return Row(
        "an operator from latents: ridge least squares",
        ours,
        (
            Peer.of("scikit-learn Ridge", "sklearn.linear_model", sklearn, 1),
            Peer.of("kooplearn Ridge", "kooplearn.linear_model", kooplearn, 1),
            Peer.of("PyDMD DMD", "pydmd", pydmd, 1),
        ),
        counted=f"{latents.shape[1]:,} pairs of latents of {DIM} coordinates, moments included",
        note=lambda: (
            "residual: " + ", ".join(f"{name} {residual(matrix(), latents):.4f}" for name, matrix in found.items())
        ),
    )


def _all_fits(catalog: aa.Catalog, latents: Latents) -> Row:
    """Both generators of all symmetries of the square, as one exact representation, against one operator elsewhere."""
    group = _group(catalog)
    generators = list(group.generators)

    def ours() -> None:
        registry = OperatorRegistry(DIM, "bench", catalog)
        registry.fit(stream(group.elements, latents), generators, "representation")

    def sklearn(module: Any) -> Call:
        def call() -> None:
            sources = latents.reshape(-1, DIM)
            for number in group.generators.values():
                module.Ridge(alpha=RIDGE, fit_intercept=False).fit(
                    sources, latents[group.table[:, number]].reshape(-1, DIM)
                )

        return call

    return Row(
        "two operators that multiply as the symmetries of the square",
        ours,
        (Peer.of("scikit-learn Ridge, laws not kept", "sklearn.linear_model", sklearn),),
        counted=f"eight views of {latents.shape[1]:,} latents of {DIM} coordinates, moments included",
    )


def _memory(count: int) -> Row:
    """The most memory that a process of its own takes, which sees so many latents once."""
    command = [sys.executable, "-m", "bench.streaming", str(count), str(DIM), str(STREAM)]

    def call() -> float:
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return Row(
        "memory for latents streamed into moments, and an operator of them",
        call,
        counted=f"{count:,} latents of {DIM} coordinates under two views, float32 ({count * DIM * 8 / 2**20:,.0f} MiB "
        "as one array); everything that the process ever held, programs included",
        unit="MiB",
        kind="less",
        limit=MEMORY,
    )
