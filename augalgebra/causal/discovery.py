"""The search for a graph: acyclicity by an augmented Lagrangian, then the strong edges are kept."""

import torch
from torch import Tensor, nn

from augalgebra.causal.graphs import CausalGraph, GraphError
from augalgebra.causal.mechanisms import Mechanisms, acyclicity

_EVERY = 50  # steps between two updates of the multiplier
_PROGRESS, _FACTOR, _MOST = 0.25, 3.0, 1e6  # of the penalty: it grows where h does not shrink by so much
_UNKNOWN = 1e30  # the constraint before the first update; checkpoints hold finite numbers only


class GraphSearch(nn.Module):
    """The state of an augmented Lagrangian (Zheng et al. 2018, section 4).

    Attributes:
        multiplier: The multiplier.
        penalty: Weight of the squared constraint.
        strengths: How strong each edge was before the weak ones were left out, ``[cause, effect]``.
    """

    multiplier: Tensor
    penalty: Tensor
    strengths: Tensor

    def __init__(self, concepts: int, *, is_given: bool) -> None:
        """Start.

        Args:
            concepts: How many concepts there are.
            is_given: Whether there is nothing to search for.
        """
        super().__init__()
        for name, value in (("multiplier", 0.0), ("penalty", 1.0), ("steps", 0.0), ("before", _UNKNOWN)):
            self.register_buffer(name, torch.tensor(value))
        self.register_buffer("settled", torch.tensor(is_given))
        self.register_buffer("strengths", torch.zeros(concepts, concepts))

    def terms(self, mechanisms: Mechanisms, sparsity: float) -> dict[str, Tensor]:
        """The terms that are minimised beside the likelihood; none once the graph is settled."""
        if bool(self.get_buffer("settled")):
            return {}
        weights = mechanisms.weights()
        cyclic = acyclicity(weights)
        self._update(float(cyclic.detach()))
        return {
            "cycles": self.multiplier * cyclic + 0.5 * self.penalty * cyclic.square(),
            "edges": sparsity * weights.abs().sum(),
        }

    @torch.no_grad()
    def settle(self, mechanisms: Mechanisms, threshold: float) -> None:
        """Keep the strong edges, without a cycle, and search no more.

        Args:
            mechanisms: Whose.
            threshold: Strength below which an edge counts for none.
        """
        settled = self.get_buffer("settled")
        if bool(settled):
            return
        self.strengths.copy_(mechanisms.weights())
        mechanisms.edges &= strongest(self.strengths, threshold, mechanisms.concepts)
        settled.fill_(value=True)

    def _update(self, cyclic: float) -> None:
        steps, before = self.get_buffer("steps"), self.get_buffer("before")
        steps += 1
        if int(steps) % _EVERY:
            return
        self.multiplier += self.penalty * cyclic
        if cyclic > _PROGRESS * float(before):
            self.penalty.copy_((self.penalty * _FACTOR).clamp(max=_MOST))
        before.fill_(cyclic)


def strongest(strengths: Tensor, threshold: float, concepts: tuple[str, ...]) -> Tensor:
    """The edges that are at least so strong, taken from the strongest on and leaving out what closes a cycle.

    Args:
        strengths: How strong each edge is, ``[cause, effect]``.
        threshold: Strength below which an edge counts for none.
        concepts: Names of the concepts.

    Returns:
        Whether there is an edge, ``[cause, effect]``, bool.
    """
    graph, sizes = CausalGraph(concepts), strengths.abs()
    for place in sizes.flatten().argsort(descending=True).tolist():
        cause, effect = divmod(place, len(concepts))
        if float(sizes[cause, effect]) < threshold:
            break
        try:
            graph = graph.add(concepts[cause], concepts[effect])
        except GraphError:
            continue  # it would close a cycle
    return torch.as_tensor(graph.matrix, device=strengths.device)
