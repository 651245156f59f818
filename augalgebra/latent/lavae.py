"""LAVAE: a variational autoencoder with several decoder heads."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, ImageError, RunError, nearest
from augalgebra.latent.networks import Decoder, Encoder, fingerprint_of, made
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.latent.store import read_tensors, write_tensors

KIND = "augalgebra.lavae"
"""What the header of a stored model says it is."""


@dataclass(frozen=True)
class Architecture:
    """What determines the shapes of all weights.

    Attributes:
        image_shape: Channels, height and width.
        dim: Latent coordinates.
        width: Channels after the first convolution; the published network has 64.
    """

    image_shape: tuple[int, int, int] = (1, 28, 28)
    dim: int = 16
    width: int = 32
    hidden: int = 0

    def __post_init__(self) -> None:
        if self.dim < 1 or self.width < 1 or min(self.image_shape) < 1 or self.image_shape[0] not in (1, 3):
            raise AugalgebraError(
                f"no network has {self.dim} latent coordinates, width {self.width} and images "
                f"{_size(self.image_shape)}; all must be at least 1, with 1 or 3 channels"
            )


class LAVAE(nn.Module):
    """A latent space for images, with one encoder and any number of decoder heads.

    It fulfils `augalgebra.latent.LatentSpace`. Heads share nothing but the latent space, so one can be added
    or trained while the rest stays as it is.

    Attributes:
        architecture: What determines the shapes of all weights.
        dim: Number of latent coordinates.
        image_shape: Channels, height and width of the images.
        encoder: Images to mean and log variance.
        decoders: Head by name.

    Examples:
        >>> space = LAVAE(Architecture(dim=8, width=4), seed=0)
        >>> space.decode(space.encode(torch.zeros(2, 1, 28, 28))).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        architecture: Architecture | None = None,
        *,
        seed: int = 0,
        heads: tuple[str, ...] = (MAIN_HEAD,),
    ) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        self.dim, self.image_shape = self.architecture.dim, self.architecture.image_shape
        generator = torch.Generator().manual_seed(seed)
        self.encoder = made(lambda: Encoder(**asdict(self.architecture)), generator)
        self.decoders = nn.ModuleDict()
        for head in heads:
            self._new_head(head, generator)

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the decoder heads, in the order in which they were added."""
        return tuple(self.decoders)

    def posterior(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the posterior of each image.

        Raises:
            ImageError: The images are not of the shape this space was made for.
        """
        if tuple(images.shape[1:]) != self.image_shape:
            raise ImageError(
                f"this latent space was made for images {_size(self.image_shape)}, not {_size(tuple(images.shape[1:]))}"
            )
        mean, log_variance = self.encoder(images)
        return mean, log_variance

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The posterior means."""
        return self.posterior(images)[0]

    def logits(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Log odds of the pixels, for a cross-entropy that stays finite.

        Raises:
            AugalgebraError: There is no such head, or the latents have another dimension.
        """
        if latents.shape[-1] != self.dim:
            raise AugalgebraError(f"this latent space has {self.dim} coordinates, not {latents.shape[-1]}")
        logits: Tensor = self.decoder(head)(latents)
        return logits

    def decode(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Images in [0, 1] drawn by one head.

        Raises:
            AugalgebraError: There is no such head, or the latents have another dimension.
        """
        return self.logits(latents, head).sigmoid()

    def decoder(self, head: str) -> nn.Module:
        """The decoder of a head.

        Raises:
            AugalgebraError: There is no such head.
        """
        if head not in self.decoders:
            near = nearest(head, self.heads, 1)
            raise AugalgebraError(
                f"there is no head {head!r}; the heads are {', '.join(self.heads) or 'none'}"
                + (f". Did you mean {near[0]}?" if near else "")
            )
        return self.decoders[head]

    def add_head(self, name: str, *, seed: int = 0, init_from: str | None = None) -> nn.Module:
        """Add a decoder head and return it.

        Args:
            name: Its name: letters, digits, ``_`` and ``-``.
            seed: What its weights are drawn from.
            init_from: A head to copy the weights of instead.

        Raises:
            AugalgebraError: The name is taken or malformed, or `init_from` does not exist.
        """
        if name in self.decoders:
            raise AugalgebraError(f"there is a head {name!r} already; choose another name")
        source = None if init_from is None else self.decoder(init_from).state_dict()
        decoder = self._new_head(name, torch.Generator().manual_seed(seed))
        if source is not None:
            decoder.load_state_dict(source)
        return decoder

    def _new_head(self, name: str, generator: torch.Generator) -> nn.Module:
        # No module can be called like an attribute of the dictionary, or with a dot: that separates names.
        if not re.fullmatch(r"[\w-]+", name) or hasattr(self.decoders, name):
            raise AugalgebraError(
                f"a head cannot be called {name!r}; use letters, digits, '_' and '-', as in 'shear_x-canny'"
            )
        device = next(self.encoder.parameters()).device
        self.decoders[name] = made(lambda: Decoder(**asdict(self.architecture)), generator).to(device)
        return self.decoders[name]

    def fingerprint(self) -> str:
        """SHA-256 of the encoder's weights, as hexadecimal digits; heads do not enter."""
        return fingerprint_of(self.encoder)

    def save(self, path: Path) -> None:
        """Write weights and architecture as one safetensors file, atomically."""
        header = {"kind": KIND, "heads": list(self.heads), **asdict(self.architecture)}
        write_tensors(path, self.state_dict(), header)

    @classmethod
    def load(cls, path: Path) -> "LAVAE":
        """Read what `save` wrote.

        Raises:
            RunError: The file is missing, damaged or no LAVAE.
        """
        tensors, header = read_tensors(path, KIND)
        try:
            shape, dim, width = tuple(header["image_shape"]), int(header["dim"]), int(header["width"])
            space = cls(Architecture(shape, dim, width), heads=tuple(header["heads"]))
            space.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(f"{path} does not hold the network its header describes; train it again") from error
        return space


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape)
