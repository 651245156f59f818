"""What a causal model is made of and what it works on: shapes of its weights, states of pictures, noise."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from augalgebra.causal.mechanisms import MECHANISM_KINDS, MechanismKind
from augalgebra.errors import AugalgebraError
from augalgebra.latent.likelihoods import LikelihoodName, find_likelihood


@dataclass(frozen=True)
class State:
    """What a picture is drawn from.

    Attributes:
        values: Values of the concepts, in their own units, ``[batch, concept]``.
        rest: What no concept names, ``[batch, rest]``.
    """

    values: Float[Tensor, "batch concept"]
    rest: Float[Tensor, "batch rest"]


@dataclass(frozen=True)
class Noise:
    """What a state follows from: what no intervention changes.

    Attributes:
        noise: Exogenous noise of the concepts, ``[batch, concept]``.
        rest: What no concept names, ``[batch, rest]``.
    """

    noise: Float[Tensor, "batch concept"]
    rest: Float[Tensor, "batch rest"]


@dataclass(frozen=True)
class CausalArchitecture:
    """What determines the shapes of all weights.

    Attributes:
        image_shape: Channels, height and width.
        concepts: Names of the concepts.
        mechanisms: Kind of the mechanisms.
        rest: Coordinates for what no concept names.
        width: Channels of the decoder; the encoder has as many after its first convolution.
        waves: Waves of a block, so that it has twice as many coordinates and one more.
        likelihood: How drawn pixels are compared with true ones.
    """

    image_shape: tuple[int, int, int]
    concepts: tuple[str, ...]
    mechanisms: MechanismKind = "network"
    rest: int = 0
    width: int = 32
    waves: int = 8
    likelihood: LikelihoodName = "gaussian"

    def __post_init__(self) -> None:
        find_likelihood(self.likelihood)
        if self.mechanisms not in MECHANISM_KINDS:
            raise AugalgebraError(f"mechanisms are {' or '.join(MECHANISM_KINDS)}, not {self.mechanisms!r}")
        if min(self.width, *self.image_shape) < 1 or min(self.rest, self.waves) < 0 or not self.concepts:
            raise AugalgebraError("a causal model needs images, concepts, and a width of at least 1")
