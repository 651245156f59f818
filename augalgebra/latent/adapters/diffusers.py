"""Autoencoders of the diffusers library: ``AutoencoderKL`` and ``AutoencoderTiny``.

The package comes with ``pip install 'augalgebra[diffusers]'``. Its autoencoders take and answer pictures in [-1, 1];
here they are in [0, 1] as everywhere.
"""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from augalgebra.errors import SpaceError
from augalgebra.latent.adapters.weights import check_folder
from augalgebra.latent.grids import ModuleSpace

_CLASSES = ("AutoencoderKL", "AutoencoderTiny")
_WEIGHTS = "diffusion_pytorch_model"


def open_diffusers(
    place: str | Path, *, moments: bool = False, spec: str = "", device: torch.device | str = "cpu"
) -> ModuleSpace:
    """An autoencoder of diffusers.

    Weights are read from safetensors. Where a folder has them as ``.bin`` alone, they are read for weights only.

    Args:
        place: A folder, of the autoencoder or of a pipeline with the autoencoder in ``vae/``, or else the name of an
            autoencoder on the hub, such as ``stabilityai/sd-vae-ft-mse``.
        moments: Whether codes are mean and log variance, one after the other, instead of the mean alone. They are
            decoded from the mean.
        spec: What `augalgebra.latent.open_space` was given.
        device: Where to compute.

    Returns:
        Its scale and shift are ``scaling_factor`` and ``shift_factor`` of the autoencoder's configuration.

    Raises:
        SpaceError: diffusers is not installed, there are no weights, they are damaged or do not fit, the autoencoder
            is of another class, or it has no moments.
    """
    try:
        import diffusers
    except ImportError as error:
        raise SpaceError(
            f"{place} needs the package diffusers ({error}); pip install 'augalgebra[diffusers]'"
        ) from error
    choice: dict[str, Any] = {"use_safetensors": True}
    source, named = str(place), str(place)
    if _names_hub(source):
        named = f"there is no folder {place}, and the autoencoder {place} on the hub"
    else:
        folder = _find(check_folder(Path(place)))
        source, choice = str(folder), {"local_files_only": True, **_weights_in(folder)}
    with _one_line(named):
        config = diffusers.AutoencoderKL.load_config(source)
    name = config.get("_class_name")
    if name not in _CLASSES:
        raise SpaceError(f"{place} is {name or 'of no class that is named'}; only {' and '.join(_CLASSES)} are read")
    if moments and name != "AutoencoderKL":
        raise SpaceError(f"{place} is {name}, which answers one code and no moments; open it as diffusers:{place}")
    hint = "" if choice["use_safetensors"] else "; a .bin is read only if it holds nothing but weights"
    with _one_line(named, hint):
        autoencoder, loading = getattr(diffusers, name).from_pretrained(
            source, output_loading_info=True, low_cpu_mem_usage=False, **choice
        )
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if loading[what]:
            raise SpaceError(f"the weights in {place} do not fit its config.json ({what}: {sorted(loading[what])[0]})")
    for key, tensor in autoencoder.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            raise SpaceError(f"the weights in {place} are damaged ({key} holds numbers that are not finite)")
    config = autoencoder.config
    widths = config.block_out_channels if name == "AutoencoderKL" else config.encoder_block_out_channels
    return ModuleSpace(
        _Encoder(autoencoder, means=name == "AutoencoderKL" and not moments),
        _Decoder(autoencoder, means=config.latent_channels),
        channels=config.latent_channels * (2 if moments else 1),
        stride=2 ** (len(widths) - 1),
        image_channels=config.in_channels,
        scale=config.scaling_factor,
        shift=config.shift_factor or 0.0,
        name=f"diffusers.{name}{' moments' if moments else ''}",
        spec=spec,
        device=device,
    )


class _Encoder(nn.Module):
    def __init__(self, autoencoder: Any, *, means: bool) -> None:
        super().__init__()
        self.encoder = autoencoder.encoder
        self.quant_conv = getattr(autoencoder, "quant_conv", None)
        self._means = means

    def forward(self, images: Tensor) -> Tensor:
        answer: Tensor = self.encoder(2 * images - 1)
        if self.quant_conv is not None:
            answer = self.quant_conv(answer)
        return answer.chunk(2, dim=1)[0] if self._means else answer


class _Decoder(nn.Module):
    def __init__(self, autoencoder: Any, *, means: int) -> None:
        super().__init__()
        self.decoder = autoencoder.decoder
        self.post_quant_conv = getattr(autoencoder, "post_quant_conv", None)
        self._means = means

    def forward(self, codes: Tensor) -> Tensor:
        codes = codes[:, : self._means]
        if self.post_quant_conv is not None:
            codes = self.post_quant_conv(codes)
        images: Tensor = self.decoder(codes)
        return (images + 1) / 2


def _names_hub(place: str) -> bool:
    return not Path(place).exists() and place.count("/") == 1 and not place.startswith((".", "/", "~"))


def _find(folder: Path) -> Path:
    """The folder of the autoencoder itself."""
    for candidate in (folder, folder / "vae"):
        if (candidate / "config.json").is_file():
            return candidate
    raise SpaceError(f"{folder} holds no autoencoder of diffusers: neither config.json nor vae/config.json is there")


def _weights_in(folder: Path) -> dict[str, Any]:
    """How `from_pretrained` finds the weights: safetensors first, whole precision first."""
    for ending in ("safetensors", "bin"):
        for path in sorted(folder.glob(f"{_WEIGHTS}*.{ending}"), key=lambda path: len(path.name)):
            variant = path.name.removeprefix(_WEIGHTS).removesuffix(ending).strip(".")
            if "-of-" in variant:  # one of several shards
                variant = variant.partition(".")[2] if "." in variant else ""
            return {"use_safetensors": ending == "safetensors", "variant": variant or None}
    raise SpaceError(f"{folder} holds no weights: there is no {_WEIGHTS}.safetensors")


@contextlib.contextmanager
def _one_line(named: str, hint: str = "") -> Iterator[None]:
    """Turn what goes wrong into one line, and keep the package's own remarks on it from the terminal."""
    from diffusers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise SpaceError(f"{named} cannot be opened ({' '.join(str(error).split())[:200]}){hint}") from error
    finally:
        logging.set_verbosity(level)
