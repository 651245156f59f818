"""All that the training of a causal model is asked for."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args

import torch

from augalgebra.causal.graphs import CausalGraph, GraphPrior
from augalgebra.causal.mechanisms import MECHANISM_KINDS, MechanismKind
from augalgebra.data.dataset import Dataset, Truth
from augalgebra.data.drawn.morpho import STROKE_CAUSES
from augalgebra.data.drawn.pendulum import CAUSES
from augalgebra.errors import AugalgebraError, DataError, UnknownNameError
from augalgebra.latent.likelihoods import LIKELIHOODS, LikelihoodName
from augalgebra.seeds import check_seed
from augalgebra.storage.values import Fields
from augalgebra.training.settings import Precision

REST = "rest"
"""The part of a latent space that no concept names."""
UNNAMED = 16
"""Coordinates for what no concept names, where images have classes and no other number is asked for."""
_CAUSES = {"pendulum": CAUSES, "strokes": STROKE_CAUSES}
_MOST = 1 << 62  # a seed may be any whole number that fits into 64 bits


@dataclass(frozen=True)
class CausalSettings:
    """What the training of a causal model is asked for.

    Attributes:
        prior: What is known of the graph; it names all concepts. None is the true graph where it is known, and that
            nothing is known otherwise.
        concepts: The concepts, if they are fewer than the factors of the images; none stands for all that vary.
        mechanisms: ``network`` or ``linear``.
        labels: Share of the training images whose labels are seen, larger than 0 and at most 1.
        rest: Coordinates for what no concept names. None is 16 where images have classes, which no concept names, and
            none otherwise.
        width: Channels of the decoder, and of the encoder after its first convolution.
        waves: Waves of a block.
        likelihood: How drawn pixels are compared with true ones.
        steps: Steps of the training; with `seconds`, whichever is over first.
        seconds: Time for the training; how far one gets then depends on the machine.
        batch_size: Images in a step.
        learning_rate: Largest step size.
        sparsity: Cost of an edge of strength 1, in nats, where the graph is learned.
        threshold: Strength below which an edge that was learned counts for none: standard deviations by which an effect
            moves where its cause has the value of another image.
        seed: Seed of everything that is random.
        device: ``auto``, ``cpu``, ``cuda``, ….
        precision: ``auto`` is bfloat16 where that is faster.

    Raises:
        AugalgebraError: A value is impossible.
    """

    prior: GraphPrior | None = None
    concepts: tuple[str, ...] = ()
    mechanisms: MechanismKind = "network"
    labels: float = 1.0
    rest: int | None = None
    width: int = 32
    waves: int = 8
    likelihood: LikelihoodName = "gaussian"
    steps: int | None = None
    seconds: float | None = 600.0
    batch_size: int = 64
    learning_rate: float = 2e-3
    sparsity: float = 0.1
    threshold: float = 0.3
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name, known in (
            ("mechanisms", MECHANISM_KINDS),
            ("likelihood", tuple(LIKELIHOODS)),
            ("precision", get_args(Precision)),
        ):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, str(getattr(self, name)), known, f"(there are: {', '.join(known)})")
        check_seed(self.seed)
        if not 0 < self.labels <= 1:
            raise AugalgebraError(f"labels is the share of images whose labels are seen, in (0, 1], not {self.labels}")
        least = {"width": 1, "batch_size": 1, "rest": 0, "waves": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise AugalgebraError(f"{name} must be at least {lowest}, not {value}")
        for name in ("learning_rate", "threshold"):
            if not 0 < getattr(self, name) < math.inf:
                raise AugalgebraError(f"{name} must be larger than 0, not {getattr(self, name)}")
        if not 0 <= self.sparsity < math.inf:
            raise AugalgebraError(f"sparsity must be at least 0, not {self.sparsity}")
        given = [value for value in (self.steps, self.seconds) if value is not None]
        if not given or not all(0 < value < math.inf for value in given):
            raise AugalgebraError("training needs a number of steps or of seconds to stop after, larger than 0")
        if self.prior is not None and self.concepts and set(self.prior.concepts) != set(self.concepts):
            self.prior.for_concepts(self.concepts)

    def for_data(self, data: Dataset) -> "CausalSettings":
        """The same with concepts, prior and rest filled in.

        Args:
            data: Images with factors.

        Raises:
            UnknownNameError: A concept is none of the factors.
            DataError: There are no factors, or one has a name that no concept can have.
        """
        factors = data.train.factors
        check_factors(factors)
        names = self.concepts or (self.prior.concepts if self.prior is not None else varying_factors(factors))
        for concept in names:
            if concept not in factors:
                raise UnknownNameError("concept", concept, factors, f"(the images have {', '.join(factors)})")
        if REST in names:
            raise DataError(f"no concept can be called {REST}, as what no concept names is; rename factor_{REST}")
        ordered = tuple(name for name in factors if name in names)
        known = known_graph(data.truth, ordered)
        prior = self.prior or (GraphPrior.free(ordered) if known is None else GraphPrior.given(known))
        rest = self.rest
        if rest is None:
            rest = UNNAMED if bool((data.train.labels != data.train.labels[:1]).any()) else 0
        return replace(self, concepts=ordered, prior=prior.for_concepts(ordered), rest=rest)

    def to_dict(self) -> dict[str, Any]:
        """Plain data without what was left open."""
        values = asdict(self) | {"prior": self.prior.to_dict() if self.prior else None, "concepts": list(self.concepts)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CausalSettings":
        """Settings from plain data.

        Raises:
            AugalgebraError: A name is unknown, or a value is impossible.
        """
        table = Fields(values, "settings")
        table.refuse_others([item.name for item in fields(cls)])
        given = {item.name: _read(table, item.name, item.type) for item in fields(cls) if item.name in table}
        return cls(**{"seconds": None, **given} if "steps" in given else given)


def check_factors(factors: Mapping[str, Any]) -> None:
    """See that there is something that a causal model could have as its concepts.

    Args:
        factors: The factors of the images, by name.

    Raises:
        DataError: There are none.
    """
    if not factors:
        raise DataError(
            "the data bring no factors, which are the concepts of a causal model; add an array factor_NAME for each, "
            "of one number for each image, to an .npz of the images"
        )


def varying_factors(factors: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of those factors that are not the same for all images; of all, if they all are."""
    columns = {name: torch.as_tensor(values) for name, values in factors.items()}
    varying = (name for name, values in columns.items() if bool((values != values.flatten()[:1]).any()))
    return tuple(varying) or tuple(factors)


def known_graph(truth: Truth, concepts: tuple[str, ...]) -> CausalGraph | None:
    """The true graph of some concepts.

    Args:
        truth: What is true of the factors of the data, see `augalgebra.data.Dataset.truth`.
        concepts: The concepts.

    Returns:
        The graph; None where it is not known, as of concepts that are none of these factors.
    """
    causes = _CAUSES.get(truth, {})
    if not set(concepts) <= set(causes):
        return None
    return CausalGraph.of_parents({name: [c for c in causes[name] if c in concepts] for name in concepts})


def _read(table: Fields, name: str, kind: object) -> Any:
    if name == "prior":
        return GraphPrior.from_fields(table.table(name))
    if name == "concepts":
        return table.texts(name, 1000)
    kinds = get_args(kind) or (kind,)
    if float in kinds:
        return table.number(name)
    if int in kinds:
        return table.whole(name, -_MOST, _MOST)
    return table.text(name)
