"""From kornia's modules, which draw from the global random state, to functions of batches."""

import ast
import functools
import inspect
import re
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.errors import nearest

try:
    import kornia
    from kornia import augmentation as library
except ModuleNotFoundError as error:
    raise aa.AugalgebraError(
        f"augmentations of kornia need the package kornia ({error}); pip install 'augalgebra[kornia]'"
    ) from None

SINGLE = 1e-5
"""Tolerance: kornia makes its parameters in single precision whatever the images are."""
ALWAYS = ("p", "p_batch", "same_on_batch", "keepdim")
"""Settings that do not count for what is always applied to a whole batch."""
NORMALIZING = ("Normalize", "Denormalize")
"""Classes that leave the range [0, 1], each undone by the other."""
_TENSORS = re.compile(r"tuple|list|sequence|float|int\b", re.IGNORECASE)
"""What an annotation names beside tensors if the class takes plain numbers."""
_RESIZING = ("crop", "resize", "pad")
_SEEDS = 16
"""Random states under which an augmentation has to do the same to count as free of chance."""
_TRIED = ((32, 32), (75, 90), (600, 500))
"""Heights and widths of the pictures that chance is looked for on."""


def resolve(name: str) -> aa.Augmentation:
    """The family of a class, by a name such as ``kornia.RandomSolarize``.

    Its parameters are those of the class, without p and what else does not count for a whole batch.

    Raises:
        AugalgebraError: There is no such class, or it is not a function from pictures to pictures.
    """
    cls = find_class(name.partition(".")[2])
    params = tuple(
        aa.Param(parameter.name) if parameter.default is parameter.empty
        else aa.Param(parameter.name, default=_plain(parameter.default))
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.name not in ALWAYS
    )  # fmt: skip
    names = [param.name for param in params]

    def function(images: Tensor, *arguments: Any) -> Tensor:
        settings = dict(zip(names, arguments, strict=True))
        for key, value in settings.items():
            if isinstance(value, Tensor):
                raise TypeError(f"{key} has to be the same for all pictures")
        try:
            return apply_fixed(cls.__name__, settings, images)
        except aa.AugalgebraError as error:
            raise ValueError(str(error)) from error

    return aa.Augmentation(name, function, params, shape=_shape(cls), summary=summary_of(cls), tolerance=SINGLE)


def find_class(short: str) -> Any:
    """The class of a single augmentation.

    Raises:
        AugalgebraError: There is none, or it is something else; the message suggests the nearest.
    """
    cls = getattr(library, short, None)
    if not inspect.isclass(cls) or not issubclass(cls, torch.nn.Module):
        near = nearest(short, [key for key in dir(library) if key[0].isupper()], most=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise aa.AugalgebraError(f"kornia {kornia.__version__} has no augmentation {short!r}{hint}")
    reason = ""
    if short == "RandomDissolving":
        reason = "downloads a diffusion model"
    elif issubclass(cls, library.MixAugmentationBaseV2):
        reason = "mixes the pictures of a batch"
    elif "3D" in short:
        reason = "is for volumes, not pictures"
    elif "Base" in short:
        reason = "is a base class"
    elif not issubclass(cls, library.AugmentationBase2D):
        reason = f"is made of others; write it behind 'kornia:', as in kornia:{short}(RandomInvert(p=1))"
    if reason:
        raise aa.AugalgebraError(f"kornia.{short} {reason}")
    return cls


def construct(cls: Any, settings: Mapping[str, Any], parts: tuple[Any, ...] = ()) -> Any:
    """Make a module of all these settings, or refuse.

    Args:
        cls: The class.
        settings: Settings by name; lists and tuples become tensors where the class takes nothing else.
        parts: What it is made of, if it is a composition.

    Raises:
        AugalgebraError: A setting is unknown, missing or not accepted; the message names it.
    """
    known = inspect.signature(cls).parameters
    for key in settings:
        if key not in known or known[key].kind is inspect.Parameter.VAR_POSITIONAL:
            near = nearest(key, known, most=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
            raise aa.AugalgebraError(f"kornia.{cls.__name__} has no setting {key!r}; {hint}")
    try:
        made = {key: _as_tensor(value, str(known[key].annotation)) for key, value in settings.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later version will do
            return cls(*parts, **made)
    except Exception as error:  # every class checks its settings in its own way
        raise aa.AugalgebraError(f"kornia.{cls.__name__}: {_one_line(error)}") from error


def apply_fixed(class_name: str, settings: Mapping[str, Any], images: Tensor) -> Tensor:
    """Apply an augmentation at fixed settings to every picture of a batch.

    Args:
        class_name: Its class.
        settings: Its settings, without p.
        images: Float batch ``[batch, channel, height, width]`` in [0, 1], on any device.

    Returns:
        A batch of the same type on the same device. Pictures in [0, 1] stay there, unless they are normalized.

    Raises:
        AugalgebraError: The settings are refused, or leave something to chance.
        ValueError: It failed on these images; the message is one line.
    """
    if varies(class_name, repr(dict(settings))):
        raise aa.AugalgebraError(chance(class_name, settings))
    return _apply(_always(class_name, settings), images)


def chance(class_name: str, settings: Mapping[str, Any]) -> str:
    """Why an augmentation that draws is refused, with what would fix it if that is known."""
    known = {
        parameter.name: _plain(parameter.default)
        for parameter in inspect.signature(find_class(class_name)).parameters.values()
        if parameter.name not in ALWAYS and parameter.default is not parameter.empty
    }
    given = {**known, **settings}
    narrowed = {key: _narrowed(value) for key, value in given.items() if _narrowed(value) != value}
    hint = "kornia draws them from torch's global state, so that no seed of an image fixes them"
    try:
        if narrowed and not varies(class_name, repr({**settings, **narrowed})):
            hint = "fix its ranges, for example " + ", ".join(f"{key}={value!r}" for key, value in narrowed.items())
    except aa.AugalgebraError:  # settings may exclude one another
        pass
    return f"{class_name} draws random numbers, so that it is not one function of the image; {hint}"


@functools.cache
def varies(class_name: str, settings: str) -> bool:
    """Whether different random states give different results, or pictures depend on others of their batch.

    Args:
        class_name: A class.
        settings: Its settings without p, as the text of a dictionary.

    Raises:
        AugalgebraError: The settings are refused.
    """
    module = _always(class_name, ast.literal_eval(settings))
    generator, tried = torch.Generator().manual_seed(0), False
    for shape in _TRIED:
        if tried and shape is _TRIED[-1]:  # large, and needed by large crops only
            return False
        pictures = torch.rand(2, 3, *shape, generator=generator)
        for channels in (3, 1):
            results = []
            with torch.random.fork_rng(devices=[]):
                try:
                    for seed in range(_SEEDS):
                        torch.manual_seed(seed)
                        results.append(_apply(module, pictures[:, :channels]))
                    results.append(torch.cat([_apply(module, item[None, :channels]) for item in pictures]))
                except ValueError:  # not for pictures of this kind
                    continue
            tried = True
            first = results[0]
            if any(item.shape != first.shape or not torch.allclose(item, first, 0, SINGLE) for item in results[1:]):
                return True
    return False


def summary_of(cls: type) -> str:
    """The first line of what a class says about itself."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _always(class_name: str, settings: Mapping[str, Any]) -> Any:
    """A module that is always applied."""
    cls = find_class(class_name)
    certain = {"p": 1.0} if "p" in inspect.signature(cls).parameters else {}
    return construct(cls, {**settings, **certain})


def _apply(module: Any, images: Tensor) -> Tensor:
    if not len(images):  # only a picture can tell what size comes out
        return _apply(module, images.new_zeros(1, *images.shape[1:]))[:0]
    device = images.device
    states: dict[str, Any] = (
        {"devices": []} if device.type == "cpu" else {"devices": [device], "device_type": device.type}
    )
    with torch.random.fork_rng(**states), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = module(images.clone())
        except Exception as error:  # whatever it raises is told in one line
            raise ValueError(_one_line(error)) from error
    if not isinstance(result, Tensor) or result.ndim != 4 or len(result) != len(images):
        raise ValueError("it returns no batch of pictures")
    if not torch.isfinite(result).all():
        raise ValueError("it returned values that are not finite")
    result = result.to(device, images.dtype).contiguous()
    if type(module).__name__ in NORMALIZING:
        return result
    # interpolation overshoots; what came in from beyond [0, 1] was normalized before, and is left as it is
    bright = ((images >= 0) & (images <= 1)).flatten(1).all(1)
    return torch.where(bright[:, None, None, None], result.clamp(0, 1), result)


def _shape(cls: type) -> Any:
    return "changed" if any(part in cls.__module__.rpartition(".")[2] for part in _RESIZING) else "kept"


def _plain(default: object) -> Any:
    """A default as it can stand in a word."""
    if isinstance(default, tuple | list):
        return tuple(map(_plain, default))
    return default if default is None or isinstance(default, bool | int | float | str) else str(default)


def _as_tensor(value: Any, annotation: str) -> Any:
    if isinstance(value, list | tuple | float | int) and "Tensor" in annotation and not _TENSORS.search(annotation):
        return torch.tensor(value, dtype=torch.float32)
    return value


def _narrowed(value: Any) -> Any:
    """A range (low, high) replaced by its upper end."""
    pair = isinstance(value, tuple | list) and len(value) == 2
    if not pair or not all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        return value
    low, high = value
    return (high, high) if low < high else value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
