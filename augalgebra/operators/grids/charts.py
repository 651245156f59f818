"""Curved coordinates on grids of codes: an invertible network, beyond which a group acts by moves and one matrix each.

Operators L_g = φ⁻¹ ρ(g) φ fulfil every relation of the group, whatever φ is, since ρ does. Here ρ(g) moves positions
and then maps channels, the same at every position; φ is made of affine couplings, whose networks see neighbours.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import FitError

_STRONGEST = 0.5  # logarithm of what one coupling may scale by; inverting loses digits in proportion
LEAST_CHANNELS = 2
"""Channels that a coupling needs: one half of them tells what becomes of the other."""


class Coupling(nn.Module):
    """Scales and shifts one half of the channels by what a small network sees of the other half.

    It is undone exactly, whatever the network is (Dinh, Sohl-Dickstein and Bengio 2017, equations 7 and 8; scales are
    bounded here). At first it is the identity.

    Args:
        channels: Channels of a code.
        width: Features of the network at each position.
        upper: Whether the upper half of the channels is changed.
    """

    def __init__(self, channels: int, width: int, *, upper: bool) -> None:
        super().__init__()
        self._upper, self._lower_half = upper, channels // 2
        changed = channels - channels // 2 if upper else channels // 2
        self.network = nn.Sequential(
            nn.Conv2d(channels - changed, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * changed, 3, padding=1),
        )
        for parameter in self.network[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, codes: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Scale and shift."""
        seen, changed = self._parted(codes)
        scale, shift = self._answer(seen)
        return self._joined(seen, changed * scale.exp() + shift)

    def inverse(
        self, codes: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Undo that."""
        seen, changed = self._parted(codes)
        scale, shift = self._answer(seen)
        return self._joined(seen, (changed - shift) * (-scale).exp())

    def _answer(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.network(seen).float().chunk(2, dim=1)
        return _STRONGEST * torch.tanh(scale), shift

    def _parted(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = codes[:, : self._lower_half], codes[:, self._lower_half :]
        return (lower, upper) if self._upper else (upper, lower)

    def _joined(self, seen: Tensor, changed: Tensor) -> Tensor:
        return torch.cat([seen, changed] if self._upper else [changed, seen], dim=1)


class GridChart(nn.Module):
    """An invertible network on grids of codes of any size; at first the identity.

    Args:
        mean: Of each channel of codes, and
        deviation: their standard deviation, by which codes are made comparable.
        width: Features of its networks at each position.
        depth: Couplings; every second one changes the upper half of the channels.

    Raises:
        FitError: Codes have one channel only.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, mean: Float[Tensor, " channel"], deviation: Float[Tensor, " channel"], width: int, depth: int
    ) -> None:
        super().__init__()
        channels = len(mean)
        if channels < LEAST_CHANNELS:
            raise FitError("a flow needs codes of two channels or more; fit 'kernel'")
        self.width, self.depth = width, depth
        self.mix = nn.Parameter(torch.eye(channels))
        self.couplings = nn.ModuleList(Coupling(channels, width, upper=number % 2 == 0) for number in range(depth))
        self.register_buffer("mean", mean.detach().clone()[:, None, None])
        self.register_buffer("deviation", deviation.detach().clone()[:, None, None])

    def forward(
        self, codes: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """From codes to coordinates."""
        there = _mixed((codes - self.mean) / self.deviation, self.mix)
        for coupling in self.couplings:
            there = coupling(there)
        return there * self.deviation + self.mean

    def inverse(
        self, coordinates: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """From coordinates to codes."""
        codes = (coordinates - self.mean) / self.deviation
        for coupling in reversed(self.couplings):
            codes = coupling.inverse(codes)  # type: ignore[operator]  # a module list forgets of which kind they are
        return _mixed(codes, torch.linalg.inv(self.mix)) * self.deviation + self.mean


def _mixed(codes: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("bchw,cd->bdhw", codes.float(), matrix)
