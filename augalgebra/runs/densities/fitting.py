"""Fitting the density of the codes of a run, and measuring it beside normals and mixtures."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.data.dataset import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.latent.code_flow import STEPS, CodeFlow, CodeFlowShape, learn_density
from augalgebra.operators import Array
from augalgebra.runs.sampling import COMPONENTS, fit_mixture, root_covariance
from augalgebra.runs.storage.code_density import CodeDensity, told
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.seeds import derived_seed
from augalgebra.training.encoding import encoded_views
from augalgebra.training.views import Views

IMAGES = 20_000
"""Training images whose codes are fitted, unless another number is asked for."""
HELD_OUT = 5000
"""Test images that likelihoods are measured on, at most."""
_FEWEST = 20
_STOPPING = 10  # one in so many training images says when to stop

NORMAL, MIXTURE, NORMALS, MIXTURES, FLOW = "normal", "mixture", "normals", "mixtures", "flow"


def fit_density(
    run: StoredRun,
    *,
    classes: bool = True,
    images: int = IMAGES,
    steps: int = STEPS,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> CodeDensity:
    """Fit a flow to the codes of training images in all their views; nothing is kept.

    Args:
        run: The run. Views are the elements of the group of its augmentations, or what stands for them.
        classes: Tell it the classes, if there are any.
        images: Training images to fit, at most. One in ten of them says when to stop.
        steps: Steps of 512 codes each.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Returns:
        The density, with likelihoods of the codes of at most 5,000 test images.

    Raises:
        RunError: The data are not those of the run.
        AugalgebraError: There are too few images, none to measure on has a class that is known, or an augmentation
            cannot be applied to them.
        FitError: It diverged.
    """
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    split, test, seed = data.train.sample(images), data.test.sample(HELD_OUT), run.settings.seed
    if len(split) < _FEWEST or steps < 1:
        raise AugalgebraError(f"a density of codes takes at least {_FEWEST} training images and a step")
    views = Views.closed(run.registry.catalog, run.settings.augmentations, seed=seed)
    known = tuple(torch.unique(split.labels).tolist()) if classes else ()
    known = known if len(known) > 1 else ()
    seen = torch.isin(test.labels, torch.tensor(known)) if known else torch.ones(len(test), dtype=torch.bool)
    if not bool(seen.any()):
        raise AugalgebraError(
            f"no test image of {data.name} has a class that training images have; fit it without classes (--no-classes)"
        )
    numbers = _numbers(split.labels, known)
    codes = torch.cat(list(encoded_views(run.space, views, split)), dim=1)  # [view, image, latent]
    stopping = torch.arange(len(split)) % _STOPPING == 0
    flow = CodeFlow(
        CodeFlowShape(run.space.dim, _size(numbers, known, views)), seed=derived_seed(seed, "density weights")
    )
    best = learn_density(
        flow,
        *_told(codes, numbers, known, ~stopping),
        *_told(codes, numbers, known, stopping),
        steps=steps,
        seed=seed,
    )
    tested = torch.cat(list(encoded_views(run.space, views, test)), dim=1)
    return CodeDensity(
        flow,
        known,
        tuple(str(data.label_name(label)) for label in known),
        tuple(int((split.labels == label).sum()) / len(split) for label in known),
        views.words,
        run.space.fingerprint(),
        len(split),
        best,
        int(seen.sum()),
        _measured(flow, codes, numbers, tested[:, seen], _numbers(test.labels[seen], known), known, seed),
    )


def _numbers(labels: Int64[Tensor, " image"], known: tuple[int, ...]) -> Int64[Tensor, " image"]:
    """The number of the class of each image; 0 for all if classes are not told."""
    return torch.searchsorted(torch.tensor(known), labels.contiguous()) if known else torch.zeros_like(labels)


def _size(numbers: Tensor, known: tuple[int, ...], views: Views) -> int:
    conditions = told(numbers[:1], torch.zeros(1, dtype=torch.int64), len(known), len(views))
    return 0 if conditions is None else conditions.shape[1]


def _told(
    codes: Float[Tensor, "view image latent"], numbers: Tensor, known: tuple[int, ...], chosen: Tensor
) -> tuple[Float[Tensor, "code latent"], Float[Tensor, "code condition"] | None]:
    """The codes of some images in a row, and the condition of each."""
    views, images = len(codes), int(chosen.sum())
    view = torch.arange(views).repeat_interleave(images)
    conditions = told(numbers[chosen].repeat(views), view, len(known), views)
    return codes[:, chosen].flatten(0, 1), conditions


@torch.no_grad()
def _measured(
    flow: CodeFlow,
    codes: Float[Tensor, "view image latent"],
    numbers: Int64[Tensor, " image"],
    tested: Float[Tensor, "view held latent"],
    tested_numbers: Int64[Tensor, " held"],
    known: tuple[int, ...],
    seed: int,
) -> dict[str, float]:
    """Mean log density of tested codes in nats per coordinate, by model."""
    every = torch.ones(tested.shape[1], dtype=torch.bool)
    rows, conditions = _told(tested, tested_numbers, known, every)
    found = {FLOW: float(flow.log_density(rows, conditions).mean(dtype=torch.float64))}
    for (single, several), most in {(NORMAL, NORMALS): 1, (MIXTURE, MIXTURES): COMPONENTS}.items():
        whole = _fit_baseline(codes.flatten(0, 1), most, seed=seed)
        found[single] = float(whole(rows).mean())
        total = 0.0
        for view in range(len(codes)):
            for number in range(max(1, len(known))):
                there = tested_numbers == number
                if bool(there.any()):
                    own = codes[view, numbers == number]
                    model = _fit_baseline(own, most, seed=seed) if len(own) > own.shape[1] else whole
                    total += float(model(tested[view, there]).sum())
        found[several] = total / len(rows)
    order = (NORMAL, MIXTURE, NORMALS, MIXTURES, FLOW)
    return {name: found[name] / codes.shape[-1] for name in order}


def _fit_baseline(
    codes: Float[Tensor, "image latent"], most: int, *, seed: int = 0
) -> Callable[[Float[Tensor, "held latent"]], Array]:
    """Fit a mixture of at most so many normals to whitened codes.

    What is added to the variances of its normals is small in each direction then, also where codes hardly vary, so that
    a mixture is not worse than the normal for that alone.

    Returns:
        The log density of codes, in nats, ``[held]``.
    """
    centre, root = codes.double().mean(0), root_covariance(codes)
    whitening, stretch = torch.linalg.inv(root), float(torch.linalg.slogdet(root).logabsdet)
    mixture = fit_mixture((codes.double() - centre) @ whitening, most, seed=seed)

    def log_density(held: Tensor) -> Array:
        white = (held.double() - centre) @ whitening
        found: Array = mixture.score_samples(white.numpy()) - stretch
        return found

    return log_density
