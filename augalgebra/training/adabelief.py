"""AdaBelief, the optimizer of the published recipe."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor


class AdaBelief(torch.optim.Optimizer):
    """Adam that divides by how far gradients stray from their running mean, not by how large they are.

    Zhuang et al., "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients" (2020),
    algorithm 2::

        m ← β₁ m + (1 - β₁) g
        s ← β₂ s + (1 - β₂) (g - m)² + ε
        θ ← θ - lr · m/(1 - β₁ᵗ) / (√(s/(1 - β₂ᵗ)) + ε)

    Args:
        params: Parameters, or groups of them.
        lr: Step size.
        betas: β₁ and β₂.
        eps: ε; the published recipe has 1e-16.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-16,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; parameters without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"] = torch.zeros_like(parameter)
            state["surprise"] = torch.zeros_like(parameter)
        (beta1, beta2), eps = group["betas"], group["eps"]
        mean, surprise = state["mean"], state["surprise"]
        state["step"] += 1
        step = int(state["step"])
        mean.lerp_(gradient, 1 - beta1)
        residual = gradient - mean
        surprise.mul_(beta2).addcmul_(residual, residual, value=1 - beta2).add_(eps)
        scale = (surprise / (1 - beta2**step)).sqrt_().add_(eps)
        parameter.addcdiv_(mean, scale, value=-group["lr"] / (1 - beta1**step))
