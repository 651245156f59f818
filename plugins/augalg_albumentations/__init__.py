"""Every single transform of albumentations, as a function of the image, its parameters and a seed.

``albumentations.Solarize(threshold_range=(0.2, 0.2))`` names a transform with its parameters; those left out
have the library's defaults. It is always applied (p = 1). A transform that draws random numbers gets one more
parameter, ``seed``, drawn per image like any other; with the seed fixed it is a function like any other.
Whole pipelines, and parameters that cannot be written in a word, come in serialized: see
``albumentations.serialized`` and `as_augmentation`.

Albumentations takes seconds to import, so nothing here imports it before it is used.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import augalgebra as aa

if TYPE_CHECKING:
    from albumentations.core.serialization import Serializable
    from torch import Tensor

    from augalgebra.pipelines import FusedPipeline

CONSTRUCTION = "albumentations:"
"""What stands before a pipeline that is written as it would be in Python."""
LINEAR = "albumentations.linear"
RECORDED = "albumentations.recorded"
SINGLE = 1e-6
"""Tolerance: albumentations works in single precision whatever the images are."""


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register the transforms with exact laws, and serialized ones; others are resolved when named."""

    @register("HorizontalFlip", inverse="self", equals="flip_lr", tolerance=SINGLE)
    def horizontal_flip(x: "Tensor") -> "Tensor":
        """Mirror left and right."""
        return _apply("HorizontalFlip", x)

    @register("VerticalFlip", inverse="self", equals="flip_ud", tolerance=SINGLE)
    def vertical_flip(x: "Tensor") -> "Tensor":
        """Mirror top and bottom."""
        return _apply("VerticalFlip", x)

    @register("Transpose", inverse="self", equals="transpose", shape="transposed", tolerance=SINGLE)
    def transpose(x: "Tensor") -> "Tensor":
        """Mirror at the main diagonal."""
        return _apply("Transpose", x)

    @register("InvertImg", inverse="self", equals="invert", tolerance=SINGLE)
    def invert_img(x: "Tensor") -> "Tensor":
        """Exchange black and white."""
        return _apply("InvertImg", x)

    @register("NoOp", equals="id", tolerance=SINGLE)
    def no_op(x: "Tensor") -> "Tensor":
        """Leave the image as it is."""
        return _apply("NoOp", x)

    @register(
        "serialized",
        shape="changed",
        params=[
            aa.Param("form", doc="JSON text, or the path of a .json or .yaml file"),
            aa.Param("seed", low=0, whole=True, draw=aa.integers(0, 10_000_000)),
        ],
    )
    def serialized(x: "Tensor", form: str, seed: "int | Tensor" = 0) -> "Tensor":
        """Apply a transform or pipeline that albumentations wrote to JSON or YAML."""
        from augalg_albumentations import adapter, building

        return adapter.apply(building.load(form), x, seed)


@aa.hookimpl
def augalg_resolve(name: str) -> aa.Augmentation:
    """Build the augmentation for any other class of albumentations, and for what stands in pipelines only."""
    from augalg_albumentations import adapter, recorded

    own = {LINEAR: adapter.linear, RECORDED: recorded.augmentation}
    return own[name]() if name in own else adapter.resolve(name)


@aa.hookimpl
def augalg_target(target: str, name: str) -> aa.Augmentation | None:
    """Build a transform given as ``Solarize(threshold_range=(0.5, 0.5))``, or the pipeline of a file."""
    if target.endswith(".py"):
        return None
    from augalg_albumentations import targets

    return targets.build(target, name)


@aa.hookimpl
def augalg_pipeline(source: str) -> "Sequence[aa.PipelineStep] | None":
    """Read a serialized pipeline, a record, or a construction: ``albumentations:Compose([Transpose(p=1)])``."""
    serialized = source.lstrip().startswith("{") or source.endswith((".json", ".yaml", ".yml"))
    if not serialized and not source.startswith(CONSTRUCTION):
        return None
    from augalg_albumentations import pipelines

    return pipelines.steps_of(source)


@aa.hookimpl
def augalg_export(pipeline: "FusedPipeline", file: str) -> str | None:
    """Write a reduced pipeline as JSON, as ``albumentations.load`` reads it."""
    if not file.endswith(".json"):
        return None
    from augalg_albumentations import exporting

    return exporting.write(pipeline)


@aa.hookimpl
def augalg_examples() -> "Sequence[str]":
    """Transforms with fixed parameters, always applied."""
    from augalg_albumentations.examples import EXAMPLES

    return EXAMPLES


def as_augmentation(name: str, source: Union["Serializable", Mapping[str, Any], str, Path]) -> aa.Augmentation:
    """Make an augmentation of a transform or pipeline with the parameters it has.

    What can be random, be it a parameter or whether something happens at all, is decided by a seed: the only
    parameter of the augmentation, drawn per image when it is not given.

    Args:
        name: Full name of the augmentation, such as ``acme.sunny``.
        source: A transform or `Compose`, the dictionary that ``albumentations.to_dict`` makes of one, its
            JSON text, or the path of a ``.json`` or ``.yaml`` file of it.

    Returns:
        The augmentation. To give it laws, pass its function to ``register(name, ...)``.

    Raises:
        AugalgebraError: The source is none of these, or names what albumentations does not have.

    Examples:
        Register a pipeline from its file::

            @aa.hookimpl
            def augalg_register(register):
                register("acme.sunny")(as_augmentation("acme.sunny", "sunny.json").function)
    """
    from augalg_albumentations import adapter, building

    return adapter.as_augmentation(name, building.load(source))


def export(fused: "FusedPipeline") -> Any:
    """Write a reduced pipeline as one of albumentations, for images of the size that it was reduced for.

    What leaves the picture between two of its maps is lost in the original, and comes back here, where they are one.
    A filling other than black is meant for pictures of floating-point numbers in [0, 1].

    Args:
        fused: What `augalgebra.Pipeline.fuse` gave.

    Returns:
        An ``albumentations.Compose`` that leaves nothing to chance.

    Raises:
        AugalgebraError: A stage has no counterpart; the message names it and the reason.
    """
    from augalg_albumentations import exporting

    return exporting.export(fused)


def _apply(class_name: str, x: "Tensor") -> "Tensor":
    from augalg_albumentations import adapter

    return adapter.apply(adapter.build(class_name, {}), x)
