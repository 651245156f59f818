"""From albumentations' transforms of one array, with hidden random states, to functions of batches."""

import copy
import difflib
import inspect
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

import augalgebra as aa

# Without this, importing it asks a server whether there is a newer version.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations

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
FORMATS = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
"""How a serialized transform is read, by the end of the file's name."""
SQUARE = ("D4", "RandomRotate90", "SquareSymmetry")
"""Classes that exchange height and width or keep them, as is drawn."""
SEEDS = 16
"""Random states under which a transform has to do the same to count as free of chance."""
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

    random = _draws(type(transform))
    return aa.Augmentation(
        name,
        seeded if random else plain,
        (SEED,) if random else (),
        shape=_shape(type(transform)),
        summary=" ".join(str(transform).split()),
    )


def build(class_name: str, settings: Mapping[str, Any]) -> Any:
    """A transform of this class that is always applied.

    Raises:
        ValueError: Albumentations refuses the settings; the message is one line.
    """
    try:
        return getattr(albumentations, class_name)(**settings, p=1.0)
    except ValueError as error:
        raise ValueError(one_line(error)) from error


def load(source: object) -> Any:
    """A transform, always applied, from an object, or from its serialized form as a dictionary, text or file.

    Raises:
        AugalgebraError: The source is none of these, or names what albumentations does not have.
    """
    if isinstance(source, albumentations.BasicTransform | albumentations.BaseCompose):
        transform = copy.deepcopy(source)
    else:
        transform = _from_form(source)
    transform.p = 1.0
    return transform


def apply(transform: Any, images: Tensor, seed: int | Tensor = 0) -> Tensor:
    """Apply a transform to one picture after the other, each from a fresh random state.

    Args:
        transform: A transform or composition; it is left without a trace of this call but its random state.
        images: Float batch ``[batch, channel, height, width]`` in [0, 1]. Albumentations works in single
            precision.
        seed: One for all pictures, or one for each as a tensor ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same type, clipped to [0, 1].

    Raises:
        ValueError: The transform failed, or returned no pictures, or pictures of different sizes; the message
            is one line.
    """
    if not len(images):  # only a picture can tell what size comes out
        return apply(transform, images.new_zeros(1, *images.shape[1:]))[:0]
    seeds = torch.as_tensor(seed).reshape(-1).expand(len(images)).tolist()
    pictures = images.permute(0, 2, 3, 1).to("cpu", torch.float32, copy=True).contiguous().numpy()
    results = [applied(transform, *pair) for pair in zip(pictures, map(int, seeds), strict=True)]
    sizes = {result.shape for result in results}
    if len(sizes) > 1:
        raise ValueError(f"pictures of one batch came out in different sizes: {sorted(sizes)}")
    batch = torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2)
    if not torch.isfinite(batch).all():
        raise ValueError("it returned values that are not finite")
    return batch.to(images.device, images.dtype).clamp(0, 1).contiguous()


def applied(transform: Any, picture: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
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
    """Whether different random states give different results on an image that nothing leaves as it is."""
    pictures = np.random.default_rng(0).random((3, 32, 32, 3), dtype=np.float32)
    for picture in (*pictures, *pictures[..., :1]):
        first = None
        for seed in range(SEEDS):
            try:
                result = applied(transform, picture.copy(), seed)
            except ValueError:  # not for pictures of this kind, or none at all: measuring will tell
                break
            if first is None:
                first = result
            elif first.shape != result.shape or not np.array_equal(first, result):
                return True
    return False


def _from_form(source: object) -> Any:
    try:
        if isinstance(source, Mapping):
            return albumentations.from_dict(source)
        if isinstance(source, str) and source.lstrip().startswith("{"):
            return albumentations.from_dict(json.loads(source))
        if isinstance(source, str | Path) and Path(source).suffix in FORMATS:
            return albumentations.load(source, data_format=FORMATS[Path(source).suffix])
    except KeyError as error:
        raise aa.AugalgebraError(f"this is no serialized transform: albumentations misses {error}") from None
    except OSError as error:
        raise aa.AugalgebraError(f"cannot read {source}: {error.strerror}") from None
    except Exception as error:  # JSON, YAML and the transforms each have errors of their own
        raise aa.AugalgebraError(f"this is no serialized transform: {one_line(error)}") from error
    raise aa.AugalgebraError(
        "a transform is given as an albumentations object, the dictionary or JSON text of one, or a path "
        f"ending in {', '.join(FORMATS)}, not {source!r}"
    )


def class_named(short: str) -> type:
    """The class of a transform or composition.

    Raises:
        AugalgebraError: There is none of that name; the message suggests the nearest.
    """
    cls = getattr(albumentations, short, None)
    if not inspect.isclass(cls) or not issubclass(cls, albumentations.BasicTransform | albumentations.BaseCompose):
        near = difflib.get_close_matches(short, dir(albumentations), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        version = albumentations.__version__
        raise aa.AugalgebraError(f"albumentations {version} has no transform {short!r}{hint}")
    return cls


def transform_class(short: str) -> type:
    """The class of a transform that is a function from pictures to pictures.

    Raises:
        AugalgebraError: There is none, or it is something else; the message suggests the nearest.
    """
    cls = class_named(short)
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
    return [*found, SEED] if _draws(cls) else found


def _can_stand_in_a_word(default: object) -> bool:
    if isinstance(default, tuple | list):
        return all(_can_stand_in_a_word(item) for item in default)
    return default is None or isinstance(default, bool | int | float | str)


def _draws(cls: type) -> bool:
    """Whether a class may draw random numbers: it does unless it gets its parameters nowhere."""
    basic = albumentations.BasicTransform
    drawing = ("get_params", "get_params_dependent_on_data")
    return not issubclass(cls, basic) or any(getattr(cls, name) is not getattr(basic, name) for name in drawing)


def _shape(cls: type) -> Any:
    if cls is albumentations.Transpose:
        return "transposed"
    if not issubclass(cls, albumentations.BasicTransform) or cls.__name__ in SQUARE:
        return "changed"
    return "changed" if cls.__module__.endswith(_RESIZING_MODULES) else "kept"


def summary_of(cls: type) -> str:
    """The first line of what a class says about itself."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return "; ".join(": ".join(map(str, (*item["loc"], item["msg"]))) for item in cause.errors())
    return " ".join(str(error).split()) or type(error).__name__
