"""A causal model of images: encoder, mechanisms, blocks, decoder; counterfactuals by abduction, action, prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from augalgebra.causal.architecture import CausalArchitecture, Noise, State
from augalgebra.causal.edits import Edit, Formula, Function, GivenFunction, Value, World, as_value
from augalgebra.causal.graphs import CausalGraph, GraphPrior, Matrix
from augalgebra.causal.mechanisms import make_mechanisms
from augalgebra.causal.networks import Blocks, ConceptDecoder, ConceptEncoder, restrict
from augalgebra.causal.places import grid_of_places
from augalgebra.errors import ImageError, ParameterError
from augalgebra.latent.likelihoods import Likelihood, find_likelihood
from augalgebra.seeds import generator_for

QUANTILES = 257
"""Values by which the distribution of the noise of a concept is known."""
BEYOND = 0.5
"""How far a concept may be set beyond what was trained on, as a share of that range."""

Images = Float[Tensor, "batch channel height width"]


class CausalModel(nn.Module):
    """A latent space whose coordinates are concepts that cause each other.

    Attributes:
        architecture: What determines the shapes of all weights.
        concepts: Names of the concepts.
        encoder: Images to mean and log variance of the concepts, in standard units, and of the rest.
        mechanisms: How concepts follow from their causes.
        blocks: Values to blocks.
        decoder: Blocks and rest to pixels.
        mean: Mean of the labels of each concept.
        deviation: Their standard deviation.
        low: Lowest label of each concept.
        high: Highest label.
        places: Which concepts each place shows, ``[concept, row, column]``, see `augalgebra.causal.places`.
        quantiles: Quantiles of the noise of each concept, ``[concept, 257]``, from which is sampled.
    """

    mean: Float[Tensor, " concept"]
    deviation: Float[Tensor, " concept"]
    low: Float[Tensor, " concept"]
    high: Float[Tensor, " concept"]
    places: Bool[Tensor, "concept row column"]
    quantiles: Float[Tensor, "concept quantile"]

    def __init__(self, architecture: CausalArchitecture, prior: GraphPrior | None = None, *, seed: int = 0) -> None:
        """Prepare, with weights drawn at random.

        Args:
            architecture: What determines the shapes of all weights.
            prior: Which edges there may be; all if None.
            seed: What weights are drawn from.
        """
        super().__init__()
        self.architecture, self.concepts = architecture, architecture.concepts
        count, shape = len(self.concepts), architecture.image_shape
        allowed = (prior or GraphPrior.free(self.concepts)).for_concepts(self.concepts).mask
        generator = generator_for(seed, "weights of a causal model")
        self.encoder = ConceptEncoder(shape, count, architecture.rest, architecture.width)
        self.encoder.draw(generator)
        self.mechanisms = make_mechanisms(architecture.mechanisms, self.concepts, allowed, generator)
        self.blocks = Blocks(architecture.waves)
        self.decoder = ConceptDecoder(shape, count, self.blocks.size, architecture.rest, architecture.width)
        self.decoder.draw(generator)
        for name, start in (("mean", 0.0), ("deviation", 1.0), ("low", -1.0), ("high", 1.0)):
            self.register_buffer(name, torch.full((count,), start))
        self.register_buffer("places", torch.ones(count, *grid_of_places(*shape[1:]), dtype=torch.bool))
        normal = torch.special.ndtri((torch.arange(QUANTILES) + 0.5) / QUANTILES)
        self.register_buffer("quantiles", normal.repeat(count, 1))

    def show_at(self, places: Bool[Tensor, "concept row column"]) -> None:
        """Let concepts be read from, and drawn at, some places alone, before anything is learned."""
        self.places.copy_(places)
        restrict(self.encoder, self.decoder, self.places)

    @property
    def likelihood(self) -> Likelihood:
        """How drawn pixels are compared with true ones."""
        return find_likelihood(self.architecture.likelihood)

    @property
    def graph(self) -> CausalGraph:
        """The graph that was given or learned."""
        return self.mechanisms.graph

    @property
    def weights(self) -> Matrix:
        """By how much mechanisms take in each cause, ``[cause, effect]``; 0 where there is no edge.

        Only of linear mechanisms that is how far an effect moves; see `Mechanisms.influence`.
        """
        array: Matrix = self.mechanisms.weights().detach().cpu().double().numpy()
        return array

    def posterior(self, images: Images) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the concepts in standard units, then of the rest.

        Raises:
            ImageError: The images are not of the shape this model was made for.
        """
        shape = self.architecture.image_shape
        if tuple(images.shape[1:]) != shape:
            raise ImageError(f"this model was made for images {_size(shape)}, not {_size(tuple(images.shape[1:]))}")
        mean, log_variance = self.encoder(images)
        return mean, log_variance

    def logits(
        self, values: Float[Tensor, "batch concept"], rest: Float[Tensor, "batch rest"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Log odds of the pixels, from values in standard units."""
        drawn: Tensor = self.decoder(self.blocks(values), rest)
        return drawn

    def to_standard(self, values: Float[Tensor, "batch concept"]) -> Float[Tensor, "batch concept"]:
        """Values in the units of the concepts as multiples of the deviation from the mean."""
        return (values - self.mean) / self.deviation

    def to_own(self, values: Float[Tensor, "batch concept"]) -> Float[Tensor, "batch concept"]:
        """Undo `to_standard`."""
        return values * self.deviation + self.mean

    @torch.no_grad()
    def encode(self, images: Images) -> State:
        """What the encoder reads off pictures: the means of the posterior."""
        mean, _ = self.posterior(images)
        count = len(self.concepts)
        return State(self.to_own(mean[:, :count]), mean[:, count:])

    @torch.no_grad()
    def decode(self, state: State) -> Images:
        """Draw pictures."""
        return self.logits(self.to_standard(state.values), state.rest).sigmoid()

    def reconstruct(self, images: Images) -> Images:
        """Encode and decode."""
        return self.decode(self.encode(images))

    @torch.no_grad()
    def noise_of(self, state: State) -> Noise:
        """The noise that a state follows from, exactly."""
        return Noise(self.mechanisms.noise(self.to_standard(state.values)), state.rest)

    def abduct(self, images: Images) -> Noise:
        """The noise that pictures follow from."""
        return self.noise_of(self.encode(images))

    @torch.no_grad()
    def predict(
        self,
        noise: Noise,
        do: Mapping[str, Value] | None = None,
        graph: CausalGraph | None = None,
        *,
        world: World | None = None,
    ) -> State:
        """The state that follows from noise.

        Args:
            noise: The noise.
            do: Concepts that are set, and their values in their own units: a number, or one for each picture.
            graph: A graph with fewer edges than the trained one.
            world: An edited world instead of the trained one.

        Raises:
            UnknownNameError: There is no such concept.
            ParameterError: A value is no finite number, or far beyond what was trained on, as what an edit leads to may
                be, too; or there is neither one, nor one for each picture.
            GraphError: The graph has an edge that was not trained.
        """
        acting = world or World.of(self.graph)
        if graph is not None:
            acting = acting.within(graph)
        for concept, value in (do or {}).items():
            acting = acting.edit(Edit("do", concept, number=self.check(concept, value)))
        for concept, value in acting.held.items():
            _check_number(concept, value, len(noise.noise))
        values = self.to_own(self.mechanisms.values(noise.noise, acting, self.mean, self.deviation))
        for concept in acting.graph.order:  # causes first, so that the message names where it began
            if concept in acting.rewritten:
                self.check(concept, values[:, self.graph.index(concept)].cpu())
        return State(values, noise.rest)

    def counterfactual(
        self,
        images: Images,
        do: Mapping[str, Value] | None = None,
        graph: CausalGraph | None = None,
        *,
        world: World | None = None,
    ) -> Images:
        """What pictures would look like: abduct, act, predict.

        Args:
            images: The pictures.
            do: As in `predict`.
            graph: As in `predict`.
            world: As in `predict`.

        Examples:
            >>> model.counterfactual(images, {"light": 20.0})  # doctest: +SKIP
        """
        return self.decode(self.predict(self.abduct(images), do, graph, world=world))

    def draw_noise(self, count: int, seed: int = 0) -> Noise:
        """Noise as the training images have it, each concept by itself; the rest is normal."""
        generator = generator_for(seed, "noise of a causal model")
        shares = torch.rand(count, len(self.concepts), generator=generator) * (QUANTILES - 1)
        below = shares.long().clamp(max=QUANTILES - 2)
        table = self.quantiles.cpu()
        places = torch.arange(len(self.concepts))
        low, high = table[places, below], table[places, below + 1]
        rest = torch.randn(count, self.architecture.rest, generator=generator)
        noise = low + (shares - below) * (high - low)
        return Noise(noise.to(self.mean), rest.to(self.mean))

    def sample(
        self,
        count: int,
        seed: int = 0,
        do: Mapping[str, Value] | None = None,
        graph: CausalGraph | None = None,
        *,
        world: World | None = None,
    ) -> Images:
        """New pictures.

        Args:
            count: How many.
            seed: What noise is drawn from.
            do: As in `predict`.
            graph: As in `predict`.
            world: As in `predict`.
        """
        return self.decode(self.predict(self.draw_noise(count, seed), do, graph, world=world))

    def edited(self) -> "EditedModel":
        """This model with no edits yet, see `EditedModel`."""
        return EditedModel(self)

    def accepts(self, concept: str, values: Float[Tensor, " value"]) -> Bool[Tensor, " value"]:
        """To which of some values a concept can be set: not further beyond its labels than half of their range."""
        place = self.graph.index(concept)
        low, high = float(self.low[place]), float(self.high[place])
        margin = BEYOND * (high - low)
        return (values >= low - margin) & (values <= high + margin)

    def check(self, concept: str, value: Value | Sequence[float]) -> Value:
        """A value that a concept can be set to; a list or an array comes back as a tensor.

        Raises:
            UnknownNameError: There is no such concept.
            ParameterError: It is no finite number, or further beyond what was trained on than half of its range; or it
                is neither one number nor a row of them.
        """
        place = self.graph.index(concept)
        low, high = float(self.low[place]), float(self.high[place])
        value = as_value(concept, value)
        values = torch.as_tensor(value, dtype=torch.float64)
        if values.ndim > 1:
            shape = " × ".join(map(str, values.shape))
            raise ParameterError(f"{concept} needs a number, or one for each picture, not {shape} of them")
        values = values.reshape(-1)
        if not bool(values.isfinite().all()):
            raise ParameterError(f"{concept} needs a finite number, not {float(values[~values.isfinite()][0]):g}")
        wrong = ~self.accepts(concept, values)
        if bool(wrong.any()):
            raise ParameterError(
                f"{concept} = {float(values[wrong][0]):g} is too far beyond what the model was trained on, which is "
                f"{low:g} to {high:g}"
            )
        return value

    def described(self) -> dict[str, Any]:
        """Graph, weights and ranges as plain data."""
        ranges = zip(self.concepts, self.low.tolist(), self.high.tolist(), strict=True)
        return {
            "graph": self.graph.to_dict(),
            "weights": self.weights.tolist(),
            "ranges": {concept: [low, high] for concept, low, high in ranges},
        }


class EditedModel:
    """A causal model whose graph and mechanisms were edited; each method gives a new one, the weights stay.

    Counterfactuals are abducted by the trained mechanisms, since the picture is of the world as it is; what follows is
    predicted by the edited ones.

    Attributes:
        model: The trained model.
        edits: What was changed, in order.
        world: What that makes.

    Examples:
        >>> model.edited().cut("light", "shadow_length").do(angle=10.0).sample(8)  # doctest: +SKIP
    """

    def __init__(self, model: CausalModel, edits: tuple[Edit, ...] = ()) -> None:
        """Edit a model.

        Raises:
            AugalgebraError: An edit cannot be made, see `World.edit`.
        """
        self.model, self.edits = model, edits
        self.world = World.of(model.graph, edits)
        for edit in edits:
            if edit.kind == "do":
                model.check(edit.concept, edit.number)
            if edit.kind == "set" and isinstance(edit.formula, Formula) and not edit.formula.weights:
                model.check(edit.concept, edit.formula.constant)

    @property
    def graph(self) -> CausalGraph:
        """What causes what."""
        return self.world.graph

    def edit(self, *edits: Edit) -> "EditedModel":
        """With some more edits."""
        return EditedModel(self.model, (*self.edits, *edits))

    def cut(self, cause: str, effect: str) -> "EditedModel":
        """Without an edge; for its effect the cause then has its mean."""
        return self.edit(Edit("cut", effect, cause))

    def add(self, cause: str, effect: str, weight: float) -> "EditedModel":
        """With an edge: so many units of the effect for each unit by which the cause differs from its mean."""
        return self.edit(Edit("add", effect, cause, weight))

    def replace(
        self, concept: str, formula: Formula | Function | str | float, causes: Sequence[str] = ()
    ) -> "EditedModel":
        """With another mechanism, without noise.

        Args:
            concept: Whose.
            formula: A formula, its text, a number, or a function of the values of its causes by name.
            causes: What a function depends on.
        """
        if isinstance(formula, str):
            formula = Formula.parse(formula)
        elif not callable(formula):
            number = as_value(concept, formula)
            if isinstance(number, Tensor) and number.numel() != 1:
                raise ParameterError(f"{concept} needs a number, a formula or a function, not {len(number)} numbers")
            formula = Formula(float(number))
        mechanism = formula if isinstance(formula, Formula) else GivenFunction(formula, tuple(causes))
        return self.edit(Edit("set", concept, formula=mechanism))

    def freeze(self, concept: str) -> "EditedModel":
        """With a concept that keeps the value which the trained model gives it, whatever becomes of its causes."""
        return self.edit(Edit("freeze", concept))

    def do(self, **values: Value) -> "EditedModel":
        """With concepts that are set, in their own units."""
        return self.edit(*(Edit("do", concept, number=value) for concept, value in values.items()))

    def undo(self) -> "EditedModel":
        """Without the last edit."""
        return EditedModel(self.model, self.edits[:-1])

    def predict(self, noise: Noise, do: Mapping[str, Value] | None = None) -> State:
        """The state that follows from noise."""
        return self.model.predict(noise, do, world=self.world)

    def counterfactual(self, images: Images, do: Mapping[str, Value] | None = None) -> Images:
        """What pictures would look like in this world."""
        return self.model.counterfactual(images, do, world=self.world)

    def sample(self, count: int, seed: int = 0, do: Mapping[str, Value] | None = None) -> Images:
        """New pictures of this world."""
        return self.model.sample(count, seed, do, world=self.world)

    def to_dict(self) -> dict[str, Any]:
        """The edits as plain data.

        Raises:
            AugalgebraError: One of them holds a function or a tensor.
        """
        return {"edits": [edit.to_dict() for edit in self.edits]}


def _check_number(concept: str, value: Value, pictures: int) -> None:
    """See that there is one value, or one for each picture."""
    number = len(value) if isinstance(value, Tensor) and value.ndim else 1
    if number not in (1, pictures):
        raise ParameterError(f"{number} values of {concept} for {pictures} pictures; give one, or one for each")


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape)
