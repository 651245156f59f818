"""A conditional variational autoencoder: LAVAE's networks, with a condition beside what they are given."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.latent import (
    MAIN_HEAD,
    Architecture,
    Decoder,
    Encoder,
    Likelihood,
    find_likelihood,
    fingerprint_of,
    make_module,
)


class CVAE(nn.Module):
    """A latent space whose encoder and decoder are told a condition (Sohn, Lee and Yan 2015).

    Encoder and decoder are those of `LAVAE`. The encoder sees the condition as constant planes beside the image, the
    decoder as coordinates beside the code. Under a condition that is fixed it is an ordinary latent space, see
    `CVAE.given`.

    Attributes:
        architecture: What determines the shapes of all weights but those of the condition.
        conditions: Numbers that a condition consists of.
        dim: Number of latent coordinates.
        image_shape: Channels, height and width of the images.
        encoder: Images and condition to mean and log variance.
        decoder: Code and condition to logits.

    Examples:
        >>> space = CVAE(Architecture(dim=8, width=4), conditions=10)
        >>> seven = torch.eye(10)[[7]]
        >>> space.decode(torch.zeros(2, 8), seven).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, architecture: Architecture, conditions: int, *, seed: int = 0) -> None:
        """Draw all weights.

        Args:
            architecture: The shapes of a LAVAE of the same size.
            conditions: Numbers that a condition consists of.
            seed: What weights are drawn from.

        Raises:
            AugalgebraError: There is no condition.
        """
        super().__init__()
        if conditions < 1:
            raise AugalgebraError("a conditional latent space needs a condition of at least one number")
        self.architecture, self.conditions = architecture, conditions
        self.dim, self.image_shape = architecture.dim, architecture.image_shape
        channels, height, width = self.image_shape
        seen = channels + conditions, height, width
        generator = torch.Generator().manual_seed(seed)
        self.encoder = make_module(lambda: Encoder(seen, self.dim, architecture.width), generator)
        self.decoder = make_module(
            lambda: Decoder(self.image_shape, self.dim + conditions, architecture.width), generator
        )

    @property
    def likelihood(self) -> Likelihood:
        """How what is drawn is compared with true pixels."""
        return find_likelihood(self.architecture.likelihood)

    def posterior(
        self,
        images: Float[Tensor, "batch channel height width"],
        condition: Float[Tensor, "#batch condition"],
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the posterior of each image under its condition.

        Raises:
            ImageError: The images are not of the shape this space was made for.
            AugalgebraError: The condition has another length, or there are not as many as images.
        """
        if tuple(images.shape[1:]) != self.image_shape:
            raise ImageError(f"this latent space was made for images {self.image_shape}, not {tuple(images.shape[1:])}")
        planes = self._for(condition, images)[..., None, None].expand(-1, -1, *images.shape[2:])
        mean, log_variance = self.encoder(torch.cat([images, planes], dim=1))
        return mean, log_variance

    def encode(
        self, images: Float[Tensor, "batch channel height width"], condition: Float[Tensor, "#batch condition"]
    ) -> Float[Tensor, "batch latent"]:
        """The posterior means."""
        return self.posterior(images, condition)[0]

    def logits(
        self, latents: Float[Tensor, "batch latent"], condition: Float[Tensor, "#batch condition"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Log odds of the pixels.

        Raises:
            AugalgebraError: Codes or condition have another length, or there are not as many of them.
        """
        if latents.shape[-1] != self.dim:
            raise AugalgebraError(f"this latent space has {self.dim} coordinates, not {latents.shape[-1]}")
        logits: Tensor = self.decoder(torch.cat([latents, self._for(condition, latents)], dim=1))
        return logits

    def decode(
        self, latents: Float[Tensor, "batch latent"], condition: Float[Tensor, "#batch condition"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Images in [0, 1]."""
        return self.logits(latents, condition).sigmoid()

    def given(
        self,
        condition: Float[Tensor, "#batch condition"],
        drawn: Float[Tensor, "#batch condition"] | None = None,
    ) -> "Given":
        """The latent space under a fixed condition.

        Args:
            condition: One for all images, or one for each of a batch; every batch must then have that many.
            drawn: What the decoder is told, if that is something else.
        """
        return Given(self, condition, condition if drawn is None else drawn)

    def fingerprint(self) -> str:
        """SHA-256 of the encoder's weights, as hexadecimal digits."""
        return fingerprint_of(self.encoder)

    def _for(self, condition: Tensor, batch: Tensor) -> Tensor:
        """The condition of each of a batch."""
        if condition.ndim != 2 or condition.shape[1] != self.conditions or len(condition) not in (1, len(batch)):
            raise AugalgebraError(
                f"expected conditions of {self.conditions} numbers, one for all or one for each of {len(batch)}, "
                f"not {list(condition.shape)}"
            )
        return condition.to(batch).expand(len(batch), -1)


class Given:
    """A conditional latent space under a fixed condition; it fulfils `augalgebra.latent.LatentSpace`.

    Args:
        space: The conditional latent space.
        encoded: What the encoder is told.
        drawn: What the decoder is told.

    Attributes:
        dim: Number of latent coordinates.
        image_shape: Channels, height and width of the images.
    """

    def __init__(
        self, space: CVAE, encoded: Float[Tensor, "#batch condition"], drawn: Float[Tensor, "#batch condition"]
    ) -> None:
        self._space, self._encoded, self._drawn = space, encoded, drawn
        self.dim, self.image_shape = space.dim, space.image_shape

    @property
    def heads(self) -> tuple[str, ...]:
        """The one decoder there is."""
        return (MAIN_HEAD,)

    @property
    def likelihood(self) -> Likelihood:
        """That of the conditional latent space."""
        return self._space.likelihood

    def posterior(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the posterior of each image."""
        return self._space.posterior(images, self._encoded)

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The posterior means."""
        return self._space.encode(images, self._encoded)

    def logits(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Log odds of the pixels.

        Raises:
            AugalgebraError: There is no such head.
        """
        if head != MAIN_HEAD:
            raise AugalgebraError(f"there is no head {head!r}; a conditional latent space has {MAIN_HEAD} only")
        return self._space.logits(latents, self._drawn)

    def decode(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Images in [0, 1]."""
        return self.logits(latents, head).sigmoid()

    def fingerprint(self) -> str:
        """A digest of the encoder."""
        return self._space.fingerprint()
