"""Every single augmentation of kornia, as a function of a batch at fixed parameters.

``kornia.RandomRotation(degrees=(30, 30))`` names one with its parameters; those left out have the library's defaults.
It is always applied (p = 1), to all pictures of the batch at once, on the device that they are on. What still draws
random numbers is refused: kornia draws them from the global state of torch, which a seed of an image cannot fix.

Kornia is an optional package and takes seconds to import, so nothing here imports it before it is used.
"""

from collections.abc import Sequence
from pathlib import Path

import augalgebra as aa

CONSTRUCTION = "kornia:"
"""What stands before a pipeline that is written as it would be in Python."""


@aa.hookimpl
def augalg_resolve(name: str) -> aa.Augmentation:
    """Build the augmentation for a class of kornia."""
    from augalg_kornia import adapter

    return adapter.resolve(name)


@aa.hookimpl
def augalg_target(target: str, name: str) -> aa.Augmentation | None:
    """Build an augmentation given as ``RandomSolarize(thresholds=(0.5, 0.5), additions=(0, 0))``."""
    if Path(target).is_absolute():  # kornia writes no files of pipelines
        return None
    from augalg_kornia import pipelines

    return pipelines.build(target, name)


@aa.hookimpl
def augalg_pipeline(source: str) -> Sequence[aa.PipelineStep] | None:
    """Read a construction: ``kornia:AugmentationSequential(RandomHorizontalFlip(p=1), RandomInvert(p=1))``."""
    if not source.startswith(CONSTRUCTION):
        return None
    from augalg_kornia import pipelines

    return pipelines.steps_of(source.removeprefix(CONSTRUCTION))


@aa.hookimpl
def augalg_examples() -> Sequence[str]:
    """Augmentations with fixed parameters, always applied."""
    from augalg_kornia.examples import EXAMPLES

    return EXAMPLES
