"""Flows that make operators of a finite group linear, learned on codes of views that elements lead to one another."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from augalgebra.errors import FitError
from augalgebra.operators.fits.charts import Flow
from augalgebra.operators.groups.arrays import Array
from augalgebra.seeds import generator_for

STEPS, BATCH, LEARNING_RATE = 2000, 512, 3e-3
MOST_PASSES, WARM_UP = 50, 20
_STEEPEST = 1.0  # length to which gradients are cut


class ConjugatedMoves(nn.Module):
    """Moves of codes by elements of a group: z ↦ φ⁻¹(φ(z) π(g)).

    Args:
        flow: φ.
        matrices: π, ``[element, latent, latent]``.
    """

    matrices: Tensor

    def __init__(self, flow: Flow, matrices: Array) -> None:
        super().__init__()
        self.flow = flow
        self.register_buffer("matrices", torch.tensor(matrices, dtype=torch.float32), persistent=False)

    def forward(
        self, codes: Float[Tensor, "batch latent"], element: Int64[Tensor, " batch"] | int
    ) -> Float[Tensor, "batch latent"]:
        """Codes moved by one element, or each by its own."""
        straight = self.flow(codes)
        if isinstance(element, int):
            turned = straight @ self.matrices[element]
        else:
            turned = torch.einsum("bi,bij->bj", straight, self.matrices[element])
        moved: Tensor = self.flow.inverse(turned)
        return moved


def straighten(
    flow: Flow,
    matrices: Array,
    codes: Float[Tensor, "view image latent"],
    moves: Sequence[tuple[int, int, int]],
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> int:
    """Teach a flow, in place, that codes of one view move to those of another: the mean squared error of L_g(z).

    Args:
        flow: φ.
        matrices: π, ``[element, latent, latent]``.
        codes: Codes of the views.
        moves: Element, source view and target view.
        steps: Steps to make, of 512 codes each; at most fifty passes over all codes are made.
        seed: Seed of the order.

    Returns:
        The steps that were made.

    Raises:
        FitError: The error was not finite.
    """
    views, images, _ = codes.shape
    steps = min(steps, MOST_PASSES * math.ceil(views * images / BATCH))
    table = torch.tensor(moves, dtype=torch.int64)
    variance = codes.var(dim=1).sum(dim=-1).mean()
    moving = ConjugatedMoves(flow, matrices)
    optimizer = torch.optim.Adam(moving.parameters(), lr=LEARNING_RATE)
    order = generator_for(seed, "flow")
    with torch.enable_grad():
        for step in range(steps):
            rate = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / steps)) * min(1.0, (step + 1) / WARM_UP)
            for group in optimizer.param_groups:
                group["lr"] = rate
            image = torch.randint(images, (BATCH,), generator=order)
            element, source, target = table[torch.randint(len(table), (BATCH,), generator=order)].unbind(dim=1)
            error = (moving(codes[source, image], element) - codes[target, image]).square().sum(dim=-1).mean()
            found = float(error.detach())
            if not math.isfinite(found):
                raise FitError(f"the flow diverged: its error is {found} at step {step + 1}; fit 'representation'")
            optimizer.zero_grad(set_to_none=True)
            (error / variance).backward()
            nn.utils.clip_grad_norm_(moving.parameters(), _STEEPEST)
            optimizer.step()
    return steps
