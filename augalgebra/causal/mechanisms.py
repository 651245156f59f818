"""Mechanisms: how each concept follows from its causes and noise, and the noise from the values.

Values are in standard units: their mean is 0 and their deviation 1. Each concept is what its causes let expect plus
noise, z = f(causes) + s ε, so that abduction is exact. What is learned of the graph is how strong each edge is.
"""

import math
from abc import ABC, abstractmethod
from typing import Literal, TypeAlias, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from augalgebra.causal.edits import World
from augalgebra.causal.graphs import CausalGraph, Matrix

MechanismKind = Literal["linear", "network"]
MECHANISM_KINDS: tuple[MechanismKind, ...] = get_args(MechanismKind)
"""Names of the mechanisms: sums of multiples of the causes, and a small network for each concept."""

Values: TypeAlias = Float[Tensor, "batch concept"]

_SMALL = 0.05  # of edges before anything is learned
_HIDDEN = 64


class Mechanisms(nn.Module, ABC):
    """The mechanisms of all concepts.

    Attributes:
        concepts: Names of the concepts.
        edges: Which edges there may be, ``[cause, effect]``; all others count nothing.
        log_scale: Logarithm of the deviation of the noise of each concept.
    """

    edges: Bool[Tensor, "cause effect"]

    def __init__(self, concepts: tuple[str, ...], allowed: Matrix) -> None:
        super().__init__()
        self.concepts = concepts
        self.register_buffer("edges", torch.as_tensor(allowed, dtype=torch.bool))
        self.log_scale = nn.Parameter(torch.zeros(len(concepts)))

    @abstractmethod
    def expect(self, values: Values, edges: Bool[Tensor, "cause effect"] | None = None) -> Values:
        """What the causes of each concept let expect of it.

        Args:
            values: Values of all concepts.
            edges: Edges that count, if not all that there are.
        """

    @abstractmethod
    def weights(self) -> Float[Tensor, "cause effect"]:
        """How strong each edge is, differentiable; 0 where there can be none."""

    @torch.no_grad()
    def influence(self, values: Values, generator: torch.Generator) -> Float[Tensor, "cause effect"]:
        """How far each effect moves, root mean square, where a cause has the value of another sample.

        It is divided by √2, so that of linear mechanisms it is the strength of the edge.

        Args:
            values: Values of all concepts.
            generator: Where the other samples are drawn from.
        """
        rows, expected = [], self.expect(values)
        for place in range(len(self.concepts)):
            other = values.clone()
            other[:, place] = values[torch.randperm(len(values), generator=generator), place]
            rows.append((self.expect(other) - expected).square().mean(0).div(2).sqrt())
        return torch.stack(rows) * self.edges

    @property
    def graph(self) -> CausalGraph:
        """The graph of the edges that there may be, if it is one."""
        return CausalGraph.of_matrix(self.concepts, self.edges.cpu().numpy())

    def noise(self, values: Values) -> Values:
        """The noise that leads to values: abduction, exact."""
        return (values - self.expect(values)) * (-self.log_scale).exp()

    def values(
        self,
        noise: Values,
        world: World | None = None,
        mean: Float[Tensor, " concept"] | None = None,
        deviation: Float[Tensor, " concept"] | None = None,
    ) -> Values:
        """The values that follow from noise, concept by concept, causes first.

        Args:
            noise: Noise of all concepts.
            world: What counts instead of the trained mechanisms, in the units of the concepts.
            mean: Mean of each concept in its own units.
            deviation: Standard deviation of each concept in its own units.
        """
        trained = self._follow(noise, self.graph.order, self.edges)
        if world is None:
            return trained
        if mean is None or deviation is None:
            raise ValueError("a world is in the units of concepts, so their mean and deviation are needed")
        kept = torch.zeros_like(self.edges)
        for cause, effect in world.kept:
            kept[self.concepts.index(cause), self.concepts.index(effect)] = True
        return self._follow(noise, world.graph.order, kept, _Acting(world, trained, mean, deviation))

    def _follow(
        self,
        noise: Values,
        order: tuple[str, ...],
        edges: Bool[Tensor, "cause effect"],
        acting: "_Acting | None" = None,
    ) -> Values:
        scale, values = self.log_scale.exp(), torch.zeros_like(noise)
        for concept in order:
            place = self.concepts.index(concept)
            value = self.expect(values, edges)[:, place] + scale[place] * noise[:, place]
            if acting is not None:
                value = acting.act(concept, value, values, self.concepts)
            values = torch.cat([values[:, :place], value[:, None], values[:, place + 1 :]], 1)
        return values


class LinearMechanisms(Mechanisms):
    """z = Aᵀ z + s ε, that is z = (I − Aᵀ)⁻¹ s ε, as in CausalVAE (Yang et al. 2021, equation 1)."""

    def __init__(self, concepts: tuple[str, ...], allowed: Matrix, generator: torch.Generator) -> None:
        super().__init__(concepts, allowed)
        count = len(concepts)
        self.strengths = nn.Parameter(_SMALL * torch.randn(count, count, generator=generator))
        self.shift = nn.Parameter(torch.zeros(count))

    def expect(self, values: Values, edges: Bool[Tensor, "cause effect"] | None = None) -> Values:
        """The sum of the causes times their strengths."""
        expected: Tensor = values @ (self.strengths * (self.edges if edges is None else edges)) + self.shift
        return expected

    def weights(self) -> Float[Tensor, "cause effect"]:
        """The strengths, with their signs."""
        return self.strengths * self.edges

    @torch.no_grad()
    def influence(self, values: Values, generator: torch.Generator) -> Float[Tensor, "cause effect"]:
        """How far each effect moves, with the sign of the edge; see `Mechanisms.influence`."""
        return super().influence(values, generator) * self.strengths.sign()


class NetworkMechanisms(Mechanisms):
    """For each concept a small network that sees nothing but its causes.

    By how much it takes in a cause, which the search for a graph needs: the root mean square of these weights (Zheng et
    al. 2020, https://arxiv.org/abs/1909.13189). How far an effect moves is another thing, see `influence`.
    """

    def __init__(self, concepts: tuple[str, ...], allowed: Matrix, generator: torch.Generator) -> None:
        super().__init__(concepts, allowed)
        count, hidden = len(concepts), _HIDDEN

        def uniform(*shape: int, within: float) -> nn.Parameter:
            return nn.Parameter((2 * torch.rand(*shape, generator=generator) - 1) * within)

        self.inward = uniform(count, count, hidden, within=1 / math.sqrt(count))  # [cause, effect, hidden]
        self.inward_shift = uniform(count, hidden, within=1.0)
        self.inner = uniform(count, hidden, hidden, within=1 / math.sqrt(hidden))
        self.inner_shift = uniform(count, hidden, within=1 / math.sqrt(hidden))
        self.outward = uniform(count, hidden, within=1 / math.sqrt(hidden))
        self.shift = nn.Parameter(torch.zeros(count))

    def expect(self, values: Values, edges: Bool[Tensor, "cause effect"] | None = None) -> Values:
        """What the networks answer; a cause that does not count has its mean for them."""
        counting = self.edges if edges is None else edges
        inward = self.inward * counting[:, :, None]
        hidden = torch.einsum("bi,ijh->bjh", values, inward) + self.inward_shift
        hidden = torch.einsum("bjh,jhk->bjk", functional.silu(hidden), self.inner) + self.inner_shift
        expected: Tensor = (functional.silu(hidden) * self.outward).sum(2) + self.shift
        # what has no cause has nothing but its noise
        return expected * self.edges.any(0)

    def weights(self) -> Float[Tensor, "cause effect"]:
        """The root mean square of the weights of each cause."""
        return (self.inward * self.edges[:, :, None]).square().mean(2).clamp_min(1e-12).sqrt() * self.edges


def make_mechanisms(
    kind: MechanismKind, concepts: tuple[str, ...], allowed: Matrix, generator: torch.Generator
) -> Mechanisms:
    """Mechanisms at small random values.

    Args:
        kind: Which.
        concepts: Names of the concepts.
        allowed: Which edges there may be, ``[cause, effect]``, bool.
        generator: Where the values are drawn from.
    """
    make = LinearMechanisms if kind == "linear" else NetworkMechanisms
    return make(concepts, allowed, generator)


def acyclicity(weights: Float[Tensor, "cause effect"]) -> Float[Tensor, ""]:
    """Compute tr exp(A∘A) − d, which is 0 where no edges make a cycle and positive else.

    See Zheng et al. 2018 (https://arxiv.org/abs/1803.01422), theorem 1.
    """
    trace: Tensor = torch.linalg.matrix_exp(weights.square()).trace()
    return trace - len(weights)


class _Acting:
    """What a world has instead of a trained mechanism."""

    def __init__(self, world: World, trained: Values, mean: Tensor, deviation: Tensor) -> None:
        self.world, self.trained, self.mean, self.deviation = world, trained, mean, deviation

    def act(self, concept: str, value: Tensor, values: Values, concepts: tuple[str, ...]) -> Float[Tensor, " batch"]:
        """The value of a concept, in standard units.

        Args:
            concept: Which.
            value: What the trained mechanism gives, from the causes that count.
            values: Those of the concepts before it.
            concepts: Names of all concepts.
        """
        place = concepts.index(concept)
        mean, deviation = self.mean[place], self.deviation[place]
        if concept in self.world.held:
            held = torch.as_tensor(self.world.held[concept], dtype=values.dtype, device=values.device)
            return ((held - mean) / deviation).expand(len(values))
        if concept in self.world.frozen:
            return self.trained[:, place]
        if concept in self.world.formulas:
            own = (values * self.deviation + self.mean).unbind(1)
            return (self.world.formulas[concept](dict(zip(concepts, own, strict=True))) - mean) / deviation
        for (cause, effect), weight in self.world.added.items():
            if effect == concept:
                at = concepts.index(cause)
                value = value + weight * values[:, at] * self.deviation[at] / deviation
        return value
