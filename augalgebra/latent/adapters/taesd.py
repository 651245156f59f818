"""Tiny autoencoders of the TAESD family: TAESD, TAESDXL, TAESD3, TAEF1, TAEF2 and whatever is laid out like them.

All are one sequence of layers, and a file of weights names each layer by its place in it. Places, names and shapes tell
the whole network, so any width, any number of channels and any depth is read:

- ``7.weight`` and perhaps ``7.bias``: a 3×3 convolution. In the encoder, one without bias halves both sides.
- ``3.conv.0``, ``3.conv.2``, ``3.conv.4``: a block, ``relu(conv(relu(conv(relu(conv(x))))) + x)``; with
  ``3.pool.0``, ``3.pool.1`` and ``3.pool.3`` it first adds to x a 1×1 convolution, group norm, relu and a
  1×1 convolution back.
- A place without weights in the decoder: ``3 tanh(x / 3)`` at the beginning, relu at place 2, elsewhere a doubling of
  both sides.

They take and answer pictures in [0, 1], and their codes are already what trainers store: scale 1, shift 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from augalgebra.errors import SpaceError
from augalgebra.image_batches import shape_text
from augalgebra.latent.adapters.weights import check_folder, find_misfit, read_weights
from augalgebra.latent.grids import ModuleSpace
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import shown_name

NAME = "taesd"
"""Of the family, in fingerprints."""
GROUPS = 4
"""Of the group norm in a block that pools."""

_MOST_LAYERS = 1000
_ENDINGS = (".safetensors", ".pth", ".pt")  # the first that is there is read


def open_taesd(folder: str | Path, *, spec: str = "", device: torch.device | str = "cpu") -> ModuleSpace:
    """A tiny autoencoder from a folder with its encoder's and its decoder's weights.

    Args:
        folder: It holds ``*encoder*.safetensors`` and ``*decoder*.safetensors``; ``.pth`` is read for weights only.
        spec: What `augalgebra.latent.open_space` was given.
        device: Where to compute.

    Raises:
        SpaceError: There are no weights or several, they are damaged, or laid out in another way.
    """
    folder = check_folder(Path(folder))
    encoder, decoder = (_read(_find(folder, which), decodes=which == "decoder") for which in ("encoder", "decoder"))
    if (encoder.outer, encoder.inner, encoder.factor) != (decoder.outer, decoder.inner, decoder.factor):
        raise SpaceError(f"encoder and decoder in {folder} do not belong together: {encoder} against {decoder}")
    return ModuleSpace(
        encoder.network,
        decoder.network,
        channels=encoder.inner,
        stride=encoder.factor,
        image_channels=encoder.outer,
        name=NAME,
        spec=spec,
        device=device,
    )


def save_taesd(space: ModuleSpace, folder: str | Path) -> None:
    """Write the weights of an autoencoder that `open_taesd` opened, such as one that was trained on since.

    Args:
        space: The autoencoder.
        folder: It gets ``encoder.safetensors`` and ``decoder.safetensors`` in float32, each in one step.

    Raises:
        SpaceError: It is no autoencoder of this family.
        AugalgebraError: A file cannot be written.
    """
    if space.name != NAME:
        raise SpaceError(f"an autoencoder of kind {space.name!r} has no place in files of the TAESD family")
    for which in ("encoder", "decoder"):
        weights = space.get_submodule(which).state_dict()
        plain = {name: tensor.detach().float().cpu().contiguous() for name, tensor in weights.items()}
        write_atomically(Path(folder) / f"{which}.safetensors", save(plain))


@dataclass(frozen=True)
class _Half:
    """An encoder or a decoder: channels of pictures and of codes, and how many pixels go to a position."""

    network: nn.Sequential
    outer: int
    inner: int
    factor: int

    def __str__(self) -> str:
        return f"{self.outer} channels of pictures, {self.inner} of codes, stride {self.factor}"


class _Bound(nn.Module):
    """Keeps codes between -3 and 3."""

    def forward(self, codes: Tensor) -> Tensor:
        return 3 * torch.tanh(codes / 3)


class _Block(nn.Module):
    def __init__(self, width: int, hidden: int | None) -> None:
        super().__init__()
        relu = nn.ReLU(inplace=True)
        first, second, third = (nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.conv = nn.Sequential(first, relu, second, relu, third)
        self.pool = None
        if hidden is not None:
            inwards, outwards = nn.Conv2d(width, hidden, 1, bias=False), nn.Conv2d(hidden, width, 1, bias=False)
            self.pool = nn.Sequential(inwards, nn.GroupNorm(GROUPS, hidden), relu, outwards)

    def forward(self, features: Tensor) -> Tensor:
        if self.pool is not None:
            features = features + self.pool(features)
        return nn.functional.relu(self.conv(features) + features, inplace=True)


def _find(folder: Path, which: str) -> Path:
    for ending in _ENDINGS:
        found = sorted(path for path in folder.glob(f"*{which}*{ending}") if path.is_file())
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise SpaceError(f"{folder} holds several {which}s ({names}); keep one autoencoder in a folder")
        if found:
            return found[0]
    hint = "; a folder of diffusers is opened as diffusers:FOLDER" if (folder / "config.json").exists() else ""
    raise SpaceError(f"{folder} holds no weights: there is no *{which}*.safetensors{hint}")


def _read(path: Path, *, decodes: bool) -> _Half:
    places: dict[int, dict[str, Tensor]] = {}
    for key, tensor in read_weights(path).items():
        number, _, name = key.partition(".")
        if not (number.isascii() and number.isdigit() and int(number) < _MOST_LAYERS):
            raise _refusal(path, f"it has the unknown key {shown_name(key)!r}")
        places.setdefault(int(number), {})[name] = tensor
    if not places:
        raise _refusal(path, "it is empty")
    if decodes and (filled := {0, 2} & places.keys()):
        raise _refusal(path, f"a decoder has no weights at layer {min(filled)}")

    layers: list[nn.Module] = []
    widths: list[int] = []  # the channels that go into each layer with weights, and those that come out
    for place in range(max(places) + 1):
        if place in places:
            layer, inputs, outputs = _layer(path, place, places[place], halves=not decodes)
            if widths and inputs != widths[-1]:
                raise _refusal(path, f"layer {place} takes {inputs} channels, but the one before answers {widths[-1]}")
            widths += [inputs, outputs]
        elif decodes:
            layer = _Bound() if place == 0 else nn.ReLU() if place == 2 else nn.Upsample(scale_factor=2)
        else:
            raise _refusal(path, f"layer {place} is missing")
        layers.append(layer)
    changes = sum(isinstance(layer, nn.Upsample) or getattr(layer, "stride", None) == (2, 2) for layer in layers)
    outer, inner = reversed((widths[0], widths[-1])) if decodes else (widths[0], widths[-1])
    return _Half(nn.Sequential(*layers), outer, inner, 2**changes)


def _layer(path: Path, place: int, weights: Mapping[str, Tensor], *, halves: bool) -> tuple[nn.Module, int, int]:
    """A layer with its weights, the channels that go in and those that come out."""

    def channels(name: str, size: int) -> tuple[int, int]:
        shape = tuple(weights[name].shape)
        if shape[2:] != (size, size) or 0 in shape:
            raise _refusal(path, f"{place}.{name} has shape {shape_text(shape)}, not [out, in, {size}, {size}]")
        return shape[1], shape[0]

    layer: nn.Module
    with torch.device("meta"):  # elsewhere weights would be drawn first
        if "weight" in weights:
            inputs, outputs = channels("weight", 3)
            biased = "bias" in weights
            layer = nn.Conv2d(inputs, outputs, 3, 2 if halves and not biased else 1, padding=1, bias=biased)
        elif "conv.0.weight" in weights:
            inputs, outputs = channels("conv.0.weight", 3)
            hidden = channels("pool.0.weight", 1)[1] if "pool.0.weight" in weights else None
            if hidden is not None and hidden % GROUPS:
                raise _refusal(path, f"{place}.pool.0.weight has {hidden} channels, no multiple of {GROUPS}")
            layer = _Block(inputs, hidden)
        else:
            raise _refusal(path, f"it has the unknown key {shown_name(f'{place}.{min(weights)}')!r}")
    if problem := find_misfit(layer, weights, f"{place}."):
        raise _refusal(path, problem)
    layer.load_state_dict(weights, assign=True)
    return layer, inputs, outputs


def _refusal(path: Path, problem: str) -> SpaceError:
    return SpaceError(f"{path} is not laid out as the TAESD family is: {problem}")
