"""Autoencoders that pythae trained, whose codes are vectors.

Neither the package nor a pickle of it is needed: ``model_config.json`` says what was trained, and the weights in
``model.pt`` are read for weights only. pythae's own networks are rebuilt from them; networks of one's own are pickled
by pythae, and have to be made again and handed over.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, ImageError, SpaceError, UnknownNameError
from augalgebra.image_batches import shape_text
from augalgebra.latent.adapters.weights import check_folder, find_misfit, read_weights
from augalgebra.latent.networks import fingerprint_of
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.storage.values import MOST_TEXT, Fields, parse_json, read_bytes

HIDDEN = 512
"""Width of the hidden layer of pythae's own networks."""

_PLAIN = (
    *("AEConfig", "RAE_GP_Config", "RAE_L2_Config", "WAE_MMD_Config"),
    *("VAEConfig", "BetaVAEConfig", "BetaTCVAEConfig", "DisentangledBetaVAEConfig", "FactorVAEConfig", "VAMPConfig"),
    *("INFOVAE_MMD_Config", "MSSSIM_VAEConfig", "Adversarial_AE_Config", "VAEGANConfig", "HVAEConfig", "RHVAEConfig"),
    *("IWAEConfig", "MIWAEConfig", "PIWAEConfig", "CIWAEConfig"),
)
"""Models that decode what their encoder answers."""

_OTHERS = {
    "VQVAEConfig": "its codes are entries of a table",
    "SVAEConfig": "its codes lie on a sphere",
    "PoincareVAEConfig": "its codes lie in a curved space",
    "VAE_IAF_Config": "its codes pass through a flow before they are decoded",
    "VAE_LinNF_Config": "its codes pass through a flow before they are decoded",
}


def open_pythae(
    folder: str | Path,
    *,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    device: torch.device | str = "cpu",
) -> "PythaeSpace":
    """A latent space of vectors from a folder that pythae's ``save`` wrote.

    Args:
        folder: It holds ``model_config.json`` and ``model.pt``.
        encoder: The encoder, if it was one's own; its weights are filled in.
        decoder: The decoder, if it was one's own; its weights are filled in.
        device: Where to compute.

    Raises:
        SpaceError: A file is missing or damaged, the model's codes are no plain vectors, its pictures have another
            shape than channels, height and width, the networks were one's own and are not handed over, or the weights
            do not fit them.
    """
    folder = check_folder(Path(folder))
    fields = _read_config(folder / "model_config.json")
    shape, dim = _image_shape(fields), fields.whole("latent_dim", 1, 1 << 14)
    weights = read_weights(folder / "model.pt", "model_state_dict")
    parts: dict[str, nn.Module] = {}
    for which, own in (("encoder", encoder), ("decoder", decoder)):
        if own is None and not fields.one_of(f"uses_default_{which}", (True, False)):
            raise SpaceError(
                f"the {which} in {folder} is pickled, and nothing but weights is unpickled here; make it again and "
                f"hand it over: open_pythae(folder, {which}=...)"
            )
        part = _default(which, math.prod(shape), dim) if own is None else own
        prefix = f"{which}."
        its_weights = {name.removeprefix(prefix): weights[name] for name in weights if name.startswith(prefix)}
        if own is None:  # what only training needs
            its_weights = {name: tensor for name, tensor in its_weights.items() if not name.startswith("log_var.")}
        if problem := find_misfit(part, its_weights, prefix):
            raise SpaceError(f"{folder / 'model.pt'} does not fit its model_config.json: {problem}")
        part.load_state_dict(its_weights, assign=own is None)
        parts[which] = part
    return PythaeSpace(parts["encoder"], parts["decoder"], dim, shape).to(device)


class PythaeSpace(nn.Module):
    """An autoencoder of pythae as a latent space.

    Its networks are set to evaluation and frozen. Make it with `open_pythae`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, dim: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.encoder, self.decoder, self.dim, self.image_shape = encoder, decoder, dim, image_shape
        self.requires_grad_(requires_grad=False).eval()

    @property
    def heads(self) -> tuple[str, ...]:
        """It has one decoder."""
        return (MAIN_HEAD,)

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The posterior means.

        Raises:
            ImageError: The pictures have another shape than those it was made for.
        """
        if tuple(images.shape[1:]) != self.image_shape:
            raise ImageError(
                f"expected pictures {shape_text(self.image_shape)} in a batch, not shape {shape_text(images.shape)}"
            )
        return _part_of(self.encoder(images), "embedding").reshape(len(images), self.dim)

    def decode(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Images in [0, 1].

        Raises:
            AugalgebraError: There is no such head, or the latents have another dimension.
        """
        if head != MAIN_HEAD:
            raise UnknownNameError("head", head, self.heads)
        if latents.shape[-1] != self.dim:
            raise AugalgebraError(f"this latent space has {self.dim} coordinates, not {latents.shape[-1]}")
        drawn = _part_of(self.decoder(latents), "reconstruction")
        return drawn.reshape(len(latents), *self.image_shape).clamp(0, 1)

    def fingerprint(self) -> str:
        """SHA-256 of the encoder's weights, as hexadecimal digits."""
        return fingerprint_of(self.encoder)


def _read_config(path: Path) -> Fields:
    try:
        fields = Fields(parse_json(read_bytes(path, MOST_TEXT)), str(path), SpaceError, "save the model again")
    except OSError as error:
        raise SpaceError(f"{path} cannot be read ({error.strerror or error}); is this a folder of pythae?") from error
    except ValueError as error:
        raise SpaceError(f"{path} is damaged ({error}); save the model again") from error
    name = fields.line("name")
    if name not in _PLAIN:
        raise SpaceError(f"{path.parent} is no autoencoder of plain vectors: {name}, {_OTHERS.get(name, 'not known')}")
    return fields


def _image_shape(fields: Fields) -> tuple[int, int, int]:
    channels, height, width = fields.wholes("input_dim", 3, 1, 1 << 14)
    return channels, height, width


def _default(which: str, pixels: int, dim: int) -> nn.Module:
    """A network of pythae's own, without values."""
    with torch.device("meta"):
        return _Encoder(pixels, dim) if which == "encoder" else _Decoder(dim, pixels)


class _Encoder(nn.Module):
    """The names of its parts are those in pythae's files."""

    def __init__(self, pixels: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Sequential(nn.Linear(pixels, HIDDEN), nn.ReLU()))
        self.embedding = nn.Linear(HIDDEN, dim)

    def forward(self, images: Tensor) -> Tensor:
        means: Tensor = self.embedding(self.layers(images.flatten(1)))
        return means


class _Decoder(nn.Module):
    def __init__(self, dim: int, pixels: int) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(dim, HIDDEN), nn.ReLU())
        outer = nn.Sequential(nn.Linear(HIDDEN, pixels), nn.Sigmoid())
        self.layers = nn.Sequential(inner, outer)

    def forward(self, latents: Tensor) -> Tensor:
        drawn: Tensor = self.layers(latents)
        return drawn


def _part_of(answer: Tensor | Mapping[str, Tensor], key: str) -> Tensor:
    """What pythae's networks answer is a table."""
    return answer if isinstance(answer, Tensor) else answer[key]
