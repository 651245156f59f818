"""What is true of images whose factors are known: how factors follow from each other, are read and are drawn."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augalgebra.causal.edits import World
from augalgebra.causal.graphs import CausalGraph
from augalgebra.causal.mechanisms import Mechanisms
from augalgebra.causal.model import CausalModel, Images
from augalgebra.causal.settings import known_graph
from augalgebra.data import dataset
from augalgebra.data.drawn.morpho import STROKE_CAUSES, cause_intensity, infer_intensity_noise
from augalgebra.data.drawn.pendulum import CAUSES, LIMITS, TOLERANCE, cast_shadow, draw_pendulum, read_pendulum
from augalgebra.data.drawn.strokes import measure_strokes, set_strokes
from augalgebra.errors import DataError, ImageError

_LIT = (0.2515, 0.9995)  # intensities, of strokes that some thickness causes

Factors = Mapping[str, Float[Tensor, " image"]]
"""A value for each image, by the name of the concept, in its own units."""


class Truth(ABC):
    """What is true of some images.

    Attributes:
        graph: The true graph.
    """

    graph: CausalGraph

    @abstractmethod
    def read(self, images: Images) -> dict[str, Float[Tensor, " image"]]:
        """The factors of images, NaN where one cannot be read."""

    @abstractmethod
    def change(self, images: Images, factors: Factors, world: World) -> Images:
        """The true pictures of another world.

        Args:
            images: Pictures of the world as it is.
            factors: Their factors.
            world: The other world.
        """


class PendulumTruth(Truth):
    """Pictures of a pendulum, drawn again from their factors."""

    def __init__(self, model: CausalModel) -> None:
        """Prepare for a model of these pictures.

        Raises:
            DataError: Its concepts are not the four factors.
        """
        if set(model.concepts) != set(CAUSES):
            raise DataError(f"true pictures of a pendulum are drawn from {', '.join(CAUSES)}, all of them")
        self.graph = CausalGraph.of_parents({concept: CAUSES[concept] for concept in model.concepts})
        self._mean, self._deviation = model.mean.cpu().double(), model.deviation.cpu().double()
        self._mechanisms = _Physics(self.graph, self._mean, self._deviation).requires_grad_(requires_grad=False)

    def read(self, images: Images) -> dict[str, Float[Tensor, " image"]]:
        """See `augalgebra.data.read_pendulum`."""
        found = read_pendulum(images)
        unread = {name: ~(misfit <= TOLERANCE) for name, misfit in found.misfits.items()}
        unread |= {name: unread[name] | found.hidden for name in unread if name.startswith("shadow")}
        return {name: values.masked_fill(unread[name], torch.nan) for name, values in found.factors.items()}

    def follow(self, factors: Factors, world: World) -> dict[str, Float[Tensor, " image"]]:
        """The factors in another world: those of this one, acted on by the true mechanisms."""
        own = torch.stack([factors[concept].double() for concept in self.graph.concepts], 1)
        noise = self._mechanisms.noise((own - self._mean) / self._deviation)
        values = self._mechanisms.values(noise, world, self._mean, self._deviation) * self._deviation + self._mean
        # rounding may lead over a border
        return {
            name: column.clamp(*LIMITS[name]) if bool((_beyond(column, *LIMITS[name]) < 1e-6).all()) else column
            for name, column in zip(self.graph.concepts, values.unbind(1), strict=True)
        }

    def change(self, images: Images, factors: Factors, world: World) -> Images:
        """Drawn from the factors of the other world."""
        height, width = images.shape[-2:]
        return draw_pendulum(**self.follow(factors, world), size=(height, width)).to(images)


class StrokesTruth(Truth):
    """Grey digits whose strokes are set; thick strokes are bright, as `augalgebra.data.drawn.morpho` has it."""

    def __init__(self, model: CausalModel) -> None:
        """Prepare for a model of these pictures.

        Raises:
            DataError: It has a concept that is no factor of strokes.
        """
        if not set(model.concepts) <= set(STROKE_CAUSES):
            raise DataError(f"strokes have {', '.join(STROKE_CAUSES)}; the model has {', '.join(model.concepts)}")
        self.graph = known_graph("strokes", model.concepts) or CausalGraph(model.concepts)
        self._mean = dict(zip(model.concepts, model.mean.tolist(), strict=True))

    def read(self, images: Images) -> dict[str, Float[Tensor, " image"]]:
        """See `augalgebra.data.measure_strokes`."""
        columns: dict[str, list[Tensor]] = {name: [] for name in self.graph.concepts}
        for image in images:
            try:
                found = measure_strokes(image[None])
            except ImageError:
                found = {}
            for name, column in columns.items():
                column.append(found[name][0] if name in found else torch.tensor(torch.nan, dtype=torch.float64))
        return {name: torch.stack(column) for name, column in columns.items()}

    def follow(self, factors: Factors, world: World) -> dict[str, Float[Tensor, " image"]]:
        """The factors in another world: those of this one, acted on by the true mechanisms."""
        before = {concept: factors[concept].double() for concept in self.graph.concepts}
        values = dict(before)
        for concept in world.graph.order:
            if concept in world.held:
                held = torch.as_tensor(world.held[concept], dtype=torch.float64)
                values[concept] = held.expand(len(before[concept]))
            elif concept in world.formulas:
                values[concept] = world.formulas[concept](values)
            elif concept not in world.frozen:
                for cause, effect in sorted(self.graph.edges):
                    if effect == concept:
                        there = values[cause] if (cause, effect) in world.kept else self._mean[cause]
                        values[concept] = _lit(before[cause], before[effect], there)
                for (cause, effect), weight in world.added.items():
                    if effect == concept:
                        values[concept] = values[concept] + weight * (values[cause] - self._mean[cause])
        return values

    def change(self, images: Images, factors: Factors, world: World) -> Images:
        """Set by morphology; what has the value that it had stays."""
        then = self.follow(factors, world)
        return set_strokes(
            images, **{name: v for name, v in then.items() if not torch.equal(v, factors[name].double())}
        )


def truth_of(model: CausalModel, truth: dataset.Truth) -> Truth | None:
    """What is true of the images that a model was made for.

    Args:
        model: The model.
        truth: What is true of the factors of the data, see `augalgebra.data.Dataset.truth`. Names of concepts tell
            nothing of it: others may measure a thickness, too.

    Returns:
        The truth; None if that is not known of these concepts.
    """
    if truth == "pendulum" and set(model.concepts) == set(CAUSES):
        return PendulumTruth(model)
    return StrokesTruth(model) if truth == "strokes" and set(model.concepts) <= set(STROKE_CAUSES) else None


class _Physics(Mechanisms):
    """The true mechanisms of the pendulum, in standard units and without noise of their own."""

    def __init__(self, graph: CausalGraph, mean: Tensor, deviation: Tensor) -> None:
        super().__init__(graph.concepts, graph.matrix)
        self.double()
        self._mean, self._deviation = mean, deviation

    @torch.no_grad()
    def expect(
        self, values: Float[Tensor, "batch concept"], edges: Bool[Tensor, "cause effect"] | None = None
    ) -> Float[Tensor, "batch concept"]:
        """What light and angle cast; a cause that does not count has its mean."""
        counting = (self.edges if edges is None else edges).to(values)
        columns: Sequence[Tensor] = [torch.zeros_like(values[:, 0])] * len(self.concepts)
        expected = dict(zip(self.concepts, columns, strict=True))
        pick: Mapping[str, Callable[[tuple[Tensor, Tensor]], Tensor]]
        pick = {"shadow_length": lambda cast: cast[0], "shadow_position": lambda cast: cast[1]}
        for concept, choose in pick.items():
            place = self.concepts.index(concept)
            own = values * counting[:, place] * self._deviation + self._mean
            light, angle = (own[:, self.concepts.index(cause)] for cause in ("light", "angle"))
            expected[concept] = (choose(cast_shadow(light, angle)) - self._mean[place]) / self._deviation[place]
        return torch.stack(list(expected.values()), 1)

    def weights(self) -> Float[Tensor, "cause effect"]:
        """1 for each edge."""
        return self.edges.double()


def _beyond(values: Tensor, low: float, high: float) -> Tensor:
    """How far values lie outside of a range."""
    return torch.maximum(low - values, values - high).clamp(min=0)


def _lit(thickness: Tensor, intensity: Tensor, there: Tensor | float) -> Float[Tensor, " image"]:
    """The intensity of strokes of another thickness, where they stay what they are but for that."""
    # what is read off pictures may lie beyond what any thickness causes
    noise = infer_intensity_noise(thickness, intensity.clamp(*_LIT))
    caused = cause_intensity(torch.as_tensor(there, dtype=torch.float64).expand(len(thickness)), noise)
    return torch.where(torch.as_tensor(there, dtype=torch.float64) == thickness, intensity, caused)
