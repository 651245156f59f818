"""From albumentations' transforms of one array, with hidden random states, to functions of batches."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

import augalgebra as aa
from augalg_albumentations import LINEAR, SINGLE
from augalg_albumentations.building import construct, find_class, one_line

import albumentations  # isort: skip  # by the one above, which keeps it off the network

SEED = aa.Param("seed", default=0, low=0, whole=True, draw=aa.integers(0, 10_000_000))

_REFUSED = {
    "BasicTransform": "is a base class",
    "DualTransform": "is a base class",
    "FromFloat": "returns bytes",
    "ImageOnlyTransform": "is a base class",
    "Lambda": "takes Python functions; write a plugin of your own for those",
    "Normalize": "leaves the range [0, 1]",
    "ToTensor3D": "returns no picture",
    "ToTensorV2": "returns no picture",
}
SQUARE = ("D4", "RandomRotate90", "SquareSymmetry")
"""Classes that exchange height and width or keep them, as is drawn."""
FITTING = ("Affine", "Perspective", "Rotate")
"""Classes that keep height and width or fit them to what they make, as they are told."""
SEEDS = 16
"""Random states under which a transform has to do the same to count as free of chance."""
_TRIED = ((32, 32), (75, 90), (1200, 1100))
"""Heights and widths of the pictures that chance is looked for on."""
_RESIZING_MODULES = ("crops.transforms", "geometric.resize", "geometric.pad")


def resolve(name: str) -> aa.Augmentation:
    """The family of a class, by a name such as ``albumentations.Solarize``.

    Its parameters are those of the class, without p and without those whose default cannot stand in a word.

    Raises:
        AugalgebraError: There is no such class, or it is not a function from pictures to pictures.
    """
    cls = transform_class(name.partition(".")[2])
    params = tuple(_params(cls))
    names = [param.name for param in params]

    def function(images: Tensor, *arguments: Any) -> Tensor:
        settings = dict(zip(names, arguments, strict=True))
        seed = settings.pop("seed", 0)
        for key, value in settings.items():
            if isinstance(value, Tensor):
                raise TypeError(f"{key} has to be the same for all pictures; only the seed can be drawn per image")
        return apply(build(cls.__name__, settings), images, seed)

    return aa.Augmentation(name, function, params, shape=_shape(cls), summary=summary_of(cls))


def as_augmentation(name: str, transform: Any) -> aa.Augmentation:
    """The augmentation that a transform object is; see the function of this name in the package."""

    def seeded(images: Tensor, seed: int | Tensor = 0) -> Tensor:
        return apply(transform, images, seed)

    def plain(images: Tensor) -> Tensor:
        return apply(transform, images)

    random = draws(type(transform)) or 0 < transform.p < 1
    return aa.Augmentation(
        name,
        seeded if random else plain,
        (SEED,) if random else (),
        shape="changed" if random and transform.p < 1 else _shape(type(transform)),
        summary=" ".join(str(transform).split()),
    )


def build(class_name: str, settings: Mapping[str, Any]) -> Any:
    """A transform of this class that is always applied.

    Raises:
        ValueError: Albumentations refuses the settings; the message is one line.
    """
    try:
        return construct(getattr(albumentations, class_name), (), {**settings, "p": 1.0})
    except aa.AugalgebraError as error:
        raise ValueError(str(error)) from error


def apply(transform: Any, images: Tensor, seed: int | Tensor = 0) -> Tensor:
    """Apply a transform to one picture after the other, each from a fresh random state.

    Args:
        transform: A transform or composition; it is left without a trace of this call but its random state.
        images: Float batch ``[batch, channel, height, width]`` in [0, 1]. Albumentations works in single
            precision.
        seed: One for all pictures, or one for each as a tensor ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same type. Pictures in [0, 1] stay there, unless the transform normalizes them.

    Raises:
        ValueError: The transform failed, or returned no pictures, or pictures of different sizes; the message
            is one line.
    """
    if not len(images):  # only a picture can tell what size comes out
        return apply(transform, images.new_zeros(1, *images.shape[1:]))[:0]
    seeds = torch.as_tensor(seed).reshape(-1).expand(len(images)).tolist()
    pictures = images.permute(0, 2, 3, 1).to("cpu", torch.float32, copy=True).contiguous().numpy()
    results = [apply_transform(transform, *pair) for pair in zip(pictures, map(int, seeds), strict=True)]
    sizes = {result.shape for result in results}
    if len(sizes) > 1:
        raise ValueError(f"pictures of one batch came out in different sizes: {sorted(sizes)}")
    batch = torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2)
    if not torch.isfinite(batch).all():
        raise ValueError("it returned values that are not finite")
    batch = batch.to(images.device, images.dtype).contiguous()
    if _normalizes(transform):
        return batch
    # interpolation overshoots; what came in from beyond [0, 1] was normalized before, and is left as it is
    bright = [bool(image.min() >= 0 and image.max() <= 1) for image in images]
    return torch.stack([item.clamp(0, 1) if plain else item for item, plain in zip(batch, bright, strict=True)])


def apply_transform(transform: Any, picture: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """Apply a transform to one picture ``[height, width, channel]``, from a fresh random state.

    Raises:
        ValueError: It failed or returned no picture; the message is one line.
    """
    transform.set_random_seed(seed)
    try:
        result = transform(image=picture)["image"]
    except Exception as error:  # whatever it raises is told in one line, under its name
        raise ValueError(one_line(error)) from error
    if not isinstance(result, np.ndarray) or result.dtype != np.float32:
        raise ValueError("it returns no picture of floating-point numbers")
    return result if result.ndim == 3 else result[..., None]


def varies(transform: Any) -> bool:
    """Whether different random states give different results on an image that nothing leaves as it is.

    So they are taken to do if the transform can be applied to no such image.
    """
    generator, tried = np.random.default_rng(0), False
    for shape in _TRIED:
        if tried and shape is _TRIED[-1]:  # large, and needed by large crops only
            return False
        picture = generator.random((*shape, 3), dtype=np.float32)
        for channels in (3, 1):
            first = None
            for seed in range(SEEDS):
                try:
                    result = apply_transform(transform, picture[..., :channels].copy(), seed)
                except ValueError:  # not for pictures of this kind
                    break
                tried = True
                if first is None:
                    first = result
                elif first.shape != result.shape or not np.array_equal(first, result):
                    return True
    return not tried and draws(type(transform))


def linear() -> aa.Augmentation:
    """``albumentations.linear(scale, offset)``: what Normalize does, with its own range, and what undoes that."""

    def function(images: Tensor, scale: Any, offset: Any) -> Tensor:
        factors = [torch.as_tensor(numbers, dtype=images.dtype).reshape(1, -1, 1, 1) for numbers in (scale, offset)]
        if any(numbers.shape[1] not in (1, images.shape[1]) for numbers in factors):
            raise ValueError(f"there are numbers for {max(map(torch.numel, factors))} channels")
        return images * factors[0].to(images.device) + factors[1].to(images.device)

    params = (aa.Param("scale", doc="one factor, or one for each channel"), aa.Param("offset"))
    return aa.Augmentation(LINEAR, function, params, tolerance=SINGLE, summary="Scale and shift the values.")


def _normalizes(transform: Any) -> bool:
    parts = getattr(transform, "transforms", ())
    return isinstance(transform, albumentations.Normalize) or any(map(_normalizes, parts))


def transform_class(short: str) -> type:
    """The class of a transform that is a function from pictures to pictures.

    Raises:
        AugalgebraError: There is none, or it is something else; the message suggests the nearest.
    """
    cls = find_class(short)
    reason = _REFUSED.get(short)
    if issubclass(cls, albumentations.BaseCompose):
        reason = "is made of other transforms; write it to a file and use albumentations.serialized"
    elif issubclass(cls, albumentations.Transform3D):
        reason = "is for volumes, not pictures"
    if reason:
        raise aa.AugalgebraError(f"albumentations.{short} {reason}")
    return cls


def _params(cls: type) -> list[aa.Param]:
    found = []
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.default is parameter.empty:
            found.append(aa.Param(parameter.name))
        elif parameter.name != "p" and _can_stand_in_a_word(parameter.default):
            found.append(aa.Param(parameter.name, default=parameter.default))
    return [*found, SEED] if draws(cls) else found


def _can_stand_in_a_word(default: object) -> bool:
    if isinstance(default, tuple | list):
        return all(_can_stand_in_a_word(item) for item in default)
    return default is None or isinstance(default, bool | int | float | str)


def draws(cls: type) -> bool:
    """Whether a class may draw random numbers: it does unless it gets its parameters nowhere."""
    basic = albumentations.BasicTransform
    drawing = ("get_params", "get_params_dependent_on_data")
    return not issubclass(cls, basic) or any(getattr(cls, name) is not getattr(basic, name) for name in drawing)


def _shape(cls: type) -> Any:
    if cls is albumentations.Transpose:
        return "transposed"
    if not issubclass(cls, albumentations.BasicTransform) or cls.__name__ in (*SQUARE, *FITTING):
        return "changed"
    return "changed" if cls.__module__.endswith(_RESIZING_MODULES) else "kept"


def summary_of(cls: type) -> str:
    """The first line of what a class says about itself."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]
