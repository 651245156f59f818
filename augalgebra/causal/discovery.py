"""The search for a graph: acyclicity by an augmented Lagrangian, then the strong edges are kept."""

import math

import torch
from torch import Tensor

from augalgebra.causal.graphs import CausalGraph, GraphError
from augalgebra.causal.mechanisms import Mechanisms, acyclicity

_EVERY = 50  # steps between two updates of the multiplier
_PROGRESS, _FACTOR, _MOST = 0.25, 3.0, 1e6  # of the penalty: it grows where h does not shrink by so much


class GraphSearch:
    """The terms that keep a graph sparse and without cycles (Zheng et al. 2018, section 4).

    Attributes:
        multiplier: The multiplier of the constraint.
        penalty: The weight of its square, which grows as long as the constraint does not shrink.
    """

    def __init__(self) -> None:
        self.multiplier, self.penalty = 0.0, 1.0
        self._steps, self._before = 0, math.inf

    def terms(self, mechanisms: Mechanisms, sparsity: float) -> list[Tensor]:
        """What is minimised in one step beside the negative log likelihood.

        Args:
            mechanisms: Whose graph is searched.
            sparsity: Cost of an edge of strength 1.
        """
        weights = mechanisms.weights()
        cyclic = acyclicity(weights)
        self._steps += 1
        if self._steps % _EVERY == 0:
            self._update(float(cyclic.detach()))
        return [
            self.multiplier * cyclic + 0.5 * self.penalty * cyclic.square(),
            sparsity * weights.abs().sum(),
        ]

    def _update(self, cyclic: float) -> None:
        self.multiplier += self.penalty * cyclic
        if cyclic > _PROGRESS * self._before:
            self.penalty = min(_FACTOR * self.penalty, _MOST)
        self._before = cyclic


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
