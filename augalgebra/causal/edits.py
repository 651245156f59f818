"""Edits of a causal model: what is cut, added, replaced, frozen or set, in words and as plain data.

An edit changes no weights. It says how values follow from noise in another world than the one that was trained on.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from augalgebra.causal.graphs import CausalGraph, Edge, GraphError
from augalgebra.data.factor_arrays import FACTOR_NAME
from augalgebra.errors import AugalgebraError, ParameterError, UnknownNameError
from augalgebra.storage.values import Fields

EditKind = Literal["cut", "add", "set", "freeze", "do"]
Value: TypeAlias = float | Tensor
"""A number for all pictures, or a tensor ``[picture]``, in the units of a concept."""
Function: TypeAlias = Callable[[Mapping[str, Tensor]], Tensor]
"""From the values of concepts ``[picture]``, in their own units, to those of another."""

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_TERM = re.compile(rf"\s*([+-]?)\s*(?:({_NUMBER})\s*(?:\*\s*({FACTOR_NAME}))?|({FACTOR_NAME}))\s*")


@dataclass(frozen=True)
class Formula:
    """A constant, or a sum of multiples of other concepts, in their own units.

    Attributes:
        constant: What is added.
        weights: What each concept is multiplied by; one that is multiplied by 0 is no part of it.

    Examples:
        >>> str(Formula.parse("4 + 0.5*angle - light"))
        '4 + 0.5*angle - 1*light'
    """

    constant: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.constant, *self.weights.values()))):
            raise ParameterError("the numbers of a formula must be finite")
        object.__setattr__(self, "weights", {name: weight for name, weight in self.weights.items() if weight})

    @classmethod
    def parse(cls, text: str) -> "Formula":
        """Read a formula such as ``4`` or ``2 + 0.1*light - angle``.

        Raises:
            ParameterError: The text is not of that form.
        """
        constant, weights, place = 0.0, dict[str, float](), 0
        while place < len(text):
            term = _TERM.match(text, place)
            if term is None or (place and not term[1]):
                raise ParameterError(
                    f"a formula is a number or a sum as in 2 + 0.1*light - angle; {text[place : place + 40]!r} is none"
                )
            number = float(term[2] or 1) * (-1 if term[1] == "-" else 1)
            name = term[3] or term[4]
            if name:
                weights[name] = weights.get(name, 0.0) + number
            else:
                constant += number
            place = term.end()
        if not place:
            raise ParameterError("a formula is a number or a sum as in 2 + 0.1*light - angle, not nothing")
        return cls(constant, weights)

    def __str__(self) -> str:
        text = _exact(self.constant) if self.constant or not self.weights else ""
        for name, weight in self.weights.items():
            sign = ("-" if weight < 0 else "+") if text else ("-" if weight < 0 else "")
            term = f"{_exact(abs(weight))}*{name}"
            text += f" {sign} {term}" if text else f"{sign}{term}"
        return text

    def __call__(self, values: Mapping[str, Tensor]) -> Tensor:
        """The value for each picture."""
        some = next(iter(values.values()))
        total = some.new_full(some.shape, self.constant)
        for name, weight in self.weights.items():
            total = total + weight * values[name]
        return total


@dataclass(frozen=True)
class Edit:
    """One change of a causal model.

    Attributes:
        kind: ``cut`` or ``add`` an edge, ``set`` a mechanism to a formula, ``freeze`` a mechanism at what the trained
            model gives, or ``do``: hold a concept at a value.
        concept: The concept that changes.
        cause: Of an edge, its cause.
        number: The weight of an added edge: units of the concept for each unit of the cause. Of ``do`` the value.
        formula: What a mechanism is set to, without noise.
    """

    kind: EditKind
    concept: str
    cause: str = ""
    number: Value = 0.0
    formula: "Formula | GivenFunction | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", as_value(self.concept, self.number))

    def __str__(self) -> str:
        match self.kind:
            case "cut":
                return f"cut {self.cause}>{self.concept}"
            case "add":
                return f"add {self.cause}>{self.concept} with weight {_exact(self.number)}"
            case "set":
                return f"set {self.concept} = {self.formula}"
            case "freeze":
                return f"freeze {self.concept}"
        return f"do {self.concept} = {_exact(self.number)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data.

        Raises:
            AugalgebraError: It holds a function or a tensor, which no file can.
        """
        if isinstance(self.formula, GivenFunction) or isinstance(self.number, Tensor):
            raise AugalgebraError(f"{self} cannot be written to a file; use numbers and formulas")
        data: dict[str, Any] = {"edit": self.kind, "concept": self.concept}
        if self.cause:
            data["cause"] = self.cause
        if self.kind in ("add", "do"):
            data["number"] = float(self.number)
        if self.formula is not None:
            data["formula"] = str(self.formula)
        return data

    @classmethod
    def from_fields(cls, fields: Fields) -> "Edit":
        """Undo `to_dict`.

        Raises:
            AugalgebraError: The data are no edit.
        """
        kind: EditKind = fields.one_of("edit", get_args(EditKind))
        return cls(
            kind,
            fields.line("concept"),
            fields.line("cause") if kind in ("cut", "add") else "",
            fields.number("number") if kind in ("add", "do") else 0.0,
            Formula.parse(fields.text("formula")) if kind == "set" else None,
        )


@dataclass(frozen=True)
class GivenFunction:
    """A mechanism that somebody wrote in Python.

    Attributes:
        function: From the values of its causes to that of its concept.
        causes: What it depends on.
    """

    function: Function
    causes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{getattr(self.function, '__name__', 'function')}({', '.join(self.causes)})"

    def __call__(self, values: Mapping[str, Tensor]) -> Tensor:
        """The value for each picture."""
        return self.function({name: values[name] for name in self.causes})


@dataclass(frozen=True)
class World:
    """How values follow from noise: the trained mechanisms, but for what was edited.

    Attributes:
        trained: The graph of the trained model.
        kept: Those of its edges that still count; what is cut counts as if the cause had its mean.
        added: Weights of edges that were added, in units of the effect for each unit by which the cause differs from
            its mean.
        formulas: Mechanisms that were replaced.
        frozen: Concepts that keep the value which the trained model gives them.
        held: Concepts that are set.
    """

    trained: CausalGraph
    kept: frozenset[Edge]
    added: Mapping[Edge, float] = field(default_factory=dict)
    formulas: Mapping[str, Formula | GivenFunction] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()
    held: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, trained: CausalGraph, edits: Iterable[Edit] = (), *, idle_cuts: bool = False) -> "World":
        """The trained world, edited. That it has no cycle counts in the end, not on the way.

        Args:
            trained: The graph of the trained model.
            edits: What is changed, in this order.
            idle_cuts: Whether edges may be cut that are none, which changes nothing.

        Raises:
            AugalgebraError: An edit cannot be made, see `edit`.
        """
        world = cls(trained, trained.edges)
        for edit in edits:
            if not idle_cuts or edit.kind != "cut" or edit.cause in world.parents(edit.concept):
                world = world._edited(edit)
        return world._checked()

    @property
    def graph(self) -> CausalGraph:
        """What causes what here."""
        return CausalGraph.of_parents({concept: self.parents(concept) for concept in self.trained.concepts})

    @property
    def trained_edges(self) -> frozenset[Edge]:
        """The edges that act as they were trained: none that was added, and none of a mechanism that was replaced."""
        fixed = self.formulas.keys() | self.frozen | self.held.keys()
        return frozenset((cause, effect) for cause, effect in self.kept if effect not in fixed)

    @property
    def rewritten(self) -> frozenset[str]:
        """Concepts that follow from others by a formula or by the weight of an added edge."""
        fixed = self.formulas.keys() | self.frozen | self.held.keys()
        added = {effect for _, effect in self.added if effect not in fixed}
        constant = {name for name, item in self.formulas.items() if isinstance(item, Formula) and not item.weights}
        return frozenset(added | (self.formulas.keys() - constant))

    def parents(self, concept: str) -> tuple[str, ...]:
        """What causes a concept directly."""
        if concept in self.held or concept in self.frozen:
            return ()
        if concept in self.formulas:
            return _causes(self.formulas[concept])
        return tuple(cause for cause, effect in (*self.kept, *self.added) if effect == concept)

    def edit(self, edit: Edit) -> "World":
        """The world after one more edit.

        Raises:
            GraphError: An edge is cut that is not there, or added that is there or closes a cycle.
            UnknownNameError: Something is no concept.
            ParameterError: A value or a weight is no finite number.
        """
        return self._edited(edit)._checked()

    def _edited(self, edit: Edit) -> "World":
        """The world after one more edit, which may have a cycle."""
        self.trained.index(edit.concept)
        others = [name for name in self.trained.concepts if name != edit.concept]
        if isinstance(edit.number, float | int) and not math.isfinite(edit.number):
            raise ParameterError(f"{edit.concept} needs a finite number, not {edit.number}")
        concept, edge = edit.concept, (edit.cause, edit.concept)
        # what an edit of a concept says last counts
        bare = replace(
            self,
            formulas={name: item for name, item in self.formulas.items() if name != concept},
            frozen=self.frozen - {concept},
            held={name: value for name, value in self.held.items() if name != concept},
        )
        match edit.kind:
            case "cut":
                self._refuse_fixed(edit)
                self._into(concept).cut(*edge)
                added = {key: weight for key, weight in self.added.items() if key != edge}
                return replace(self, kept=self.kept - {edge}, added=added)
            case "add":
                self._refuse_fixed(edit)
                if edit.cause not in self.trained.concepts:
                    raise UnknownNameError("concept", edit.cause, others, f"(the others are {', '.join(others)})")
                self._into(concept).add(*edge)
                return replace(self, added={**self.added, edge: float(edit.number)})
            case "set":
                if edit.formula is None:
                    raise ParameterError(f"nothing says what {concept} is to be")
                for cause in _causes(edit.formula):
                    self.trained.index(cause)
                return replace(bare, formulas={**bare.formulas, concept: edit.formula})
            case "freeze":
                return replace(bare, frozen=bare.frozen | {concept})
        return replace(bare, held={**bare.held, concept: edit.number})

    def within(self, graph: CausalGraph) -> "World":
        """The world with only those edges that are in a graph.

        Raises:
            GraphError: The graph has an edge that is not here.
        """
        for cause, effect in graph.sorted_edges:
            if (cause, effect) not in self.graph.edges:
                raise GraphError(f"no mechanism was trained for {cause}>{effect}; add the edge with a weight")
        world = self
        for cause, effect in sorted(self.graph.edges - graph.edges):
            world = world.edit(Edit("cut", effect, cause))
        return world

    def _refuse_fixed(self, edit: Edit) -> None:
        """Refuse an edit of the causes of what has no trained mechanism any more."""
        fixed = {**dict.fromkeys(self.frozen, "frozen"), **dict.fromkeys(self.formulas, "set to a formula")}
        fixed |= dict.fromkeys(self.held, "held at a value")
        if edit.concept in fixed:
            raise GraphError(
                f"cannot {edit}: {edit.concept} is {fixed[edit.concept]} and has no trained mechanism any more"
            )

    def _checked(self) -> "World":
        """The same, once it is seen that it has no cycle."""
        _ = self.graph
        return self

    def _into(self, concept: str) -> CausalGraph:
        """The edges to one concept, of which there is a graph even where others make a cycle."""
        return CausalGraph(self.trained.concepts, frozenset((cause, concept) for cause in self.parents(concept)))


def as_value(concept: str, given: Value | Sequence[float]) -> Value:
    """A number as such, several in a list or an array as a tensor.

    Args:
        concept: Whose value it is, for messages.
        given: What was given.

    Raises:
        ParameterError: It is neither.
    """
    if isinstance(given, Tensor):
        return given
    try:
        numbers = torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        shown = repr(given)[:80]
        raise ParameterError(f"{concept} needs a number, or one for each picture, not {shown}") from None
    return numbers if numbers.ndim else float(numbers)


def _exact(number: Value) -> str:
    """A number in as few digits as give it back."""
    return f"{len(number)} values" if isinstance(number, Tensor) else repr(float(number)).removesuffix(".0")


def _causes(formula: Formula | GivenFunction) -> tuple[str, ...]:
    return tuple(formula.weights) if isinstance(formula, Formula) else formula.causes
