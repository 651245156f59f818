"""Flows that say how likely codes are under a condition, and draw codes."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import FitError
from augalgebra.latent.module_arrays import take_arrays
from augalgebra.seeds import generator_for

Array = npt.NDArray[np.float32]

LAYERS, WIDTH, BINS = 4, 96, 8
MOST_LAYERS, WIDEST, MOST_BINS = 64, 4096, 256
STEPS, BATCH, LEARNING_RATE = 3000, 512, 2e-3
_WARM_UP, _STEEPEST, _BETWEEN = 50, 5.0, 100  # steps, length of gradients, steps between looks at held-out codes
_HELD = 8192
_JITTER = 1e-6  # of the mean variance, for coordinates that do not vary


@dataclass(frozen=True)
class CodeFlowShape:
    """What a flow of codes is made of.

    Attributes:
        dim: Number of latent coordinates.
        condition: Numbers that a condition consists of; 0 if there is none.
        layers: Number of autoregressive transforms.
        width: Units in each of the two hidden layers of a transform.
        bins: Pieces of each spline.
    """

    dim: int
    condition: int = 0
    layers: int = LAYERS
    width: int = WIDTH
    bins: int = BINS

    def __post_init__(self) -> None:
        fine = 0 < self.layers <= MOST_LAYERS and 0 < self.width <= WIDEST and 1 < self.bins <= MOST_BINS
        if self.dim < 1 or self.condition < 0 or not fine:
            raise FitError(
                f"a flow of codes has at least one coordinate, 1 to {MOST_LAYERS} layers of 1 to {WIDEST} units, and "
                f"splines of 2 to {MOST_BINS} pieces, which {self} has not"
            )


class CodeFlow(nn.Module):
    """A density p(z | condition): an invertible map of codes to a standard normal, which the condition bends.

    Codes are whitened, then go through masked autoregressive transforms (Papamakarios et al. 2017, arXiv 1705.07057) of
    monotonic rational-quadratic splines (Durkan et al. 2019, arXiv 1906.04032). At the start these do nothing, so that
    the density is the normal with mean and covariance of the codes.

    Args:
        shape: What it is made of.
        seed: Seed of the weights.

    Attributes:
        shape: What it is made of.
        centre: What becomes the origin, ``[latent]``.
        whitening: What codes are multiplied by then, ``[latent, latent]``.
    """

    centre: Tensor
    whitening: Tensor

    def __init__(self, shape: CodeFlowShape, *, seed: int = 0) -> None:
        super().__init__()
        from zuko.flows import NSF

        self.shape = shape
        self.register_buffer("centre", torch.zeros(shape.dim))
        self.register_buffer("whitening", torch.eye(shape.dim))
        with torch.random.fork_rng(devices=[]):  # zuko takes torch's usual initialisation
            torch.manual_seed(seed)
            self.transforms = NSF(
                shape.dim,
                shape.condition,
                transforms=shape.layers,
                bins=shape.bins,
                hidden_features=(shape.width, shape.width),
            ).transform
        for transform in self.transforms.transforms:
            for parameter in _last_layer(transform):
                nn.init.zeros_(parameter)

    def start(self, codes: Float[Tensor, "image latent"]) -> None:
        """Whiten by mean and covariance of some codes."""
        values, axes = torch.linalg.eigh(_covariance(codes))
        self.centre.copy_(codes.double().mean(0))
        self.whitening.copy_(axes / values.sqrt())

    def forward(
        self, codes: Float[Tensor, "batch latent"], condition: Float[Tensor, "batch condition"] | None = None
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, " batch"]]:
        """Codes as what a standard normal would have drawn, and by how much the map stretches there, as a logarithm."""
        white = (codes - self.centre) @ self.whitening
        normal, stretch = self.transforms(condition).call_and_ladj(white)
        return normal, stretch + torch.linalg.slogdet(self.whitening).logabsdet

    def inverse(
        self, normal: Float[Tensor, "batch latent"], condition: Float[Tensor, "batch condition"] | None = None
    ) -> Float[Tensor, "batch latent"]:
        """The codes that `forward` makes these numbers of."""
        white: Tensor = self.transforms(condition).inv(normal)
        codes: Tensor = white @ torch.linalg.inv(self.whitening) + self.centre
        return codes

    def log_density(
        self, codes: Float[Tensor, "batch latent"], condition: Float[Tensor, "batch condition"] | None = None
    ) -> Float[Tensor, " batch"]:
        """The logarithm of the density of codes, in nats."""
        normal, stretch = self(codes, condition)
        density: Tensor = stretch - 0.5 * (normal.square().sum(-1) + self.shape.dim * math.log(2 * math.pi))
        return density

    def to_arrays(self) -> dict[str, Array]:
        """All that was learned, by name; float32. What follows from the shape is left out."""
        state: dict[str, Tensor] = {"centre": self.centre, "whitening": self.whitening}
        state |= dict(self.named_parameters())
        return {name: tensor.detach().cpu().float().numpy() for name, tensor in state.items()}

    @classmethod
    def from_arrays(cls, shape: CodeFlowShape, arrays: Mapping[str, Array]) -> "CodeFlow":
        """Undo `to_arrays`.

        Raises:
            ValueError: An array is missing, is one too many, or has another shape or type, or numbers that are not
                finite.
        """
        flow = cls(shape)
        take_arrays(flow, arrays, flow.to_arrays())
        return flow.eval().requires_grad_(requires_grad=False)


def learn_density(
    flow: CodeFlow,
    codes: Float[Tensor, "image latent"],
    conditions: Float[Tensor, "image condition"] | None,
    held_codes: Float[Tensor, "held latent"],
    held_conditions: Float[Tensor, "held condition"] | None,
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> int:
    """Teach a flow, in place, the density of codes under their conditions, by maximum likelihood.

    It ends up as it was where codes that it does not learn from were likeliest.

    Args:
        flow: The flow.
        codes: What it learns from.
        conditions: The condition of each; None if there are none.
        held_codes: Codes that say when to stop; of more than 8,192 as many, drawn at random.
        held_conditions: The condition of each.
        steps: Steps of 512 codes each.
        seed: Seed of the order, and of which codes say when to stop.

    Returns:
        The steps after which it was best.

    Raises:
        FitError: A loss was not finite.
    """
    flow.start(codes)
    flow.train().requires_grad_()
    held = torch.randperm(len(held_codes), generator=generator_for(seed, "density held"))[:_HELD]  # of all conditions
    shown = held_codes[held], None if held_conditions is None else held_conditions[held]
    optimizer = torch.optim.Adam(flow.parameters(), lr=LEARNING_RATE)
    order = generator_for(seed, "density")
    best, best_step, best_state = _loss(flow, *shown), 0, copy.deepcopy(flow.state_dict())
    for step in range(1, steps + 1):
        rate = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (step - 1) / steps)) * min(1.0, step / _WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = torch.randint(len(codes), (BATCH,), generator=order)
        with torch.enable_grad():
            loss = -flow.log_density(codes[rows], None if conditions is None else conditions[rows]).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        if not math.isfinite(float(loss.detach())):
            raise FitError(f"the density diverged: its loss is {float(loss.detach())} at step {step}; take fewer steps")
        nn.utils.clip_grad_norm_(flow.parameters(), _STEEPEST)
        optimizer.step()
        if step % _BETWEEN == 0 or step == steps:
            found = _loss(flow, *shown)
            if found < best:
                best, best_step, best_state = found, step, copy.deepcopy(flow.state_dict())
    flow.load_state_dict(best_state)
    flow.eval().requires_grad_(requires_grad=False)
    return best_step


@torch.no_grad()
def _loss(flow: CodeFlow, codes: Tensor, conditions: Tensor | None) -> float:
    return -float(flow.log_density(codes, conditions).mean(dtype=torch.float64))


def _covariance(codes: Tensor) -> Tensor:
    dim = codes.shape[1]
    spread = torch.cov(codes.T.double(), correction=0).reshape(dim, dim)
    # one code, or codes that are all the same, have no scale of their own
    floor = _JITTER * float(spread.diagonal().mean()) or _JITTER
    return spread + floor * torch.eye(dim, dtype=torch.float64)


def _last_layer(transform: nn.Module) -> tuple[nn.Parameter, ...]:
    """What the splines of a transform are read off last."""
    hyper = getattr(transform, "hyper", None)
    if isinstance(hyper, nn.Sequential):
        return tuple(hyper[-1].parameters())
    return tuple(transform.parameters())[-3:]  # of one coordinate without a condition, the numbers themselves
