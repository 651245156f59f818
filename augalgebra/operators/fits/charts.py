"""Charts: curved coordinates of a latent space, in which operators are linear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import FitError
from augalgebra.latent.module_arrays import take_arrays
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.groups.arrays import Array

LAYERS, WIDTH = 8, 128
MOST_LAYERS, WIDEST = 64, 4096
STEEPEST = 0.2
"""By what a coupling shrinks at most; what it stretches by is at most one over it."""


@dataclass(frozen=True)
class FlowShape:
    """What a flow is made of.

    Attributes:
        dim: Number of latent coordinates, at least 2.
        layers: Number of affine couplings.
        width: Units in each of the two hidden layers of a coupling.
    """

    dim: int
    layers: int = LAYERS
    width: int = WIDTH

    def __post_init__(self) -> None:
        if self.dim < 2:
            raise FitError("a flow needs at least two latent coordinates; fit 'representation' instead")
        if not (0 < self.layers <= MOST_LAYERS and 0 < self.width <= WIDEST):
            raise FitError(
                f"a flow has 1 to {MOST_LAYERS} layers of 1 to {WIDEST} units, not {self.layers} of {self.width}"
            )


class Flow(nn.Module):
    """An invertible map φ: a change of coordinates, then affine couplings (Dinh et al. 2017, arXiv 1605.08803).

    A coupling shifts and stretches half of the coordinates by what a network says of the others, so that its inverse
    needs no search. At the start the couplings do nothing.

    Args:
        shape: What it is made of.
        seed: Seed of the weights.

    Attributes:
        shape: What it is made of.
        matrix: The change of coordinates, ``[latent, latent]``; the identity at the start.
        centre: What becomes the origin, ``[latent]``.
    """

    def __init__(self, shape: FlowShape, *, seed: int = 0) -> None:
        super().__init__()
        from zuko.flows.coupling import GeneralCouplingTransform
        from zuko.lazy import LazyComposedTransform
        from zuko.transforms import MonotonicAffineTransform

        self.shape = shape
        self.matrix = nn.Parameter(torch.eye(shape.dim))
        self.centre = nn.Parameter(torch.zeros(shape.dim))
        with torch.random.fork_rng(devices=[]):  # zuko takes torch's usual initialisation
            torch.manual_seed(seed)
            couplings = [
                GeneralCouplingTransform(
                    shape.dim,
                    mask=mask,
                    univariate=partial(MonotonicAffineTransform, slope=STEEPEST),
                    hidden_features=(shape.width, shape.width),
                    # bounded, like the stretches, so that codes far from all that it has seen are not thrown further
                    activation=nn.Tanh,
                )
                for mask in _masks(shape)
            ]
        for coupling in couplings:
            last = coupling.hyper[-1]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self._couplings = LazyComposedTransform(*couplings)

    def start(self, coordinates: Array, centre: Array) -> None:
        """Begin with a change of coordinates, z ↦ (z - centre) @ coordinates, and couplings that do nothing."""
        with torch.no_grad():
            self.matrix.copy_(torch.from_numpy(coordinates))
            self.centre.copy_(torch.from_numpy(centre))

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """φ: latents in the coordinates of the chart."""
        straight: Tensor = self._couplings()((latents - self.centre) @ self.matrix)
        return straight

    def inverse(self, straight: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """φ⁻¹: latents of coordinates of the chart."""
        latents: Tensor = self._couplings().inv(straight) @ torch.linalg.inv(self.matrix) + self.centre
        return latents

    def to_arrays(self) -> dict[str, Array]:
        """All that was learned, by name; float32. What follows from the shape is left out."""
        state = self.state_dict()
        return {name: state[name].detach().cpu().numpy() for name in state if not name.endswith(".mask")}

    @classmethod
    def from_arrays(cls, shape: FlowShape, arrays: Mapping[str, Array]) -> "Flow":
        """Undo `to_arrays`.

        Raises:
            ValueError: An array is missing, is one too many, or has another shape or type, or numbers that are not
                finite.
        """
        flow = cls(shape)
        take_arrays(flow, arrays, flow.to_arrays())
        return flow


@dataclass(frozen=True, eq=False)
class Chart:
    """Coordinates that some operators share: each of them is φ, then an affine map, then φ⁻¹.

    Attributes:
        name: What it is stored under.
        flow: φ.
    """

    name: str
    flow: Flow
    _copies: dict[tuple[torch.device, torch.dtype], Flow] = field(default_factory=dict, repr=False)

    def move(
        self,
        latents: Float[Tensor, "batch latent"],
        matrix: Float[Tensor, "latent latent"],
        shift: Float[Tensor, " latent"],
    ) -> Float[Tensor, "batch latent"]:
        """φ⁻¹(φ(z) matrix + shift), in the type of the matrix; the result has the type of the latents."""
        flow = self._on(matrix.device, matrix.dtype)
        moved: Tensor = flow.inverse(flow(latents.to(matrix.dtype)) @ matrix + shift)
        return moved.to(latents.dtype)

    def _on(self, device: torch.device, dtype: torch.dtype) -> Flow:
        if (device, dtype) not in self._copies:
            with torch.inference_mode(mode=False), torch.no_grad():
                copy = Flow.from_arrays(self.flow.shape, self.flow.to_arrays()).to(device, dtype)
            self._copies[device, dtype] = copy.requires_grad_(requires_grad=False).eval()
        return self._copies[device, dtype]


def tensors_of(operator: AffineMap, device: torch.device) -> tuple[Tensor, Tensor]:
    """Matrix and shift for `Chart.move`: float64, so that φ⁻¹ undoes φ to rounding, where the device knows it."""
    dtype = torch.float32 if device.type == "mps" else torch.float64
    return torch.tensor(operator.matrix).to(device, dtype), torch.tensor(operator.shift).to(device, dtype)


def _masks(shape: FlowShape) -> list[Tensor]:
    """Which coordinates each coupling leaves alone: halves drawn at random, then the other half."""
    masks = []
    for layer in range(shape.layers):
        order = np.random.default_rng(layer // 2).permutation(shape.dim)
        masks.append(torch.from_numpy(order % 2 == layer % 2))
    return masks
