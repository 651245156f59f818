"""From the keywords of ``register`` to laws: the one place where metadata becomes equations."""

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, get_args

from augalgebra.algebra import laws as equations
from augalgebra.algebra.conditions import ALL, ALWAYS, Conditions
from augalgebra.algebra.expressions import Value, add, multiply, value, variable
from augalgebra.algebra.laws import Kind, Law, Scope, parse_law
from augalgebra.algebra.parsing import parse_pictures, parse_word
from augalgebra.algebra.words import IDENTITY, Symbol, Word, word_of
from augalgebra.augmentation import Augmentation, Shape, params_of
from augalgebra.errors import AugalgebraError, PluginError, nearest
from augalgebra.hooks import Register
from augalgebra.isolation import MOST_ITEMS, take
from augalgebra.parameters import Param

Item = TypeVar("Item")
INVERSE_KINDS = ("exact", "left", "right", "approximate")
DEFAULT_APPROXIMATE = 0.1
KEYWORDS = tuple(
    parameter.name
    for parameter in inspect.signature(Register.__call__).parameters.values()
    if parameter.kind is parameter.KEYWORD_ONLY
)
"""What `register` takes besides the name, read off its specification."""


@dataclass
class Recorder:
    """What ``augalg_register`` is called with; gathers one plugin's augmentations and laws.

    Nothing reaches the catalog before the whole plugin has registered without a fault.
    """

    plugin: str
    augmentations: dict[str, Augmentation] = field(default_factory=dict)
    laws: list[Law] = field(default_factory=list)

    def __call__(self, name: str, **keywords: Any) -> Callable[[Any], Any]:
        """See `augalgebra.hooks.Register`."""
        if not isinstance(name, str):
            raise PluginError('register is called with a name first: @register("acme.negate")')
        for keyword in keywords:
            if keyword not in KEYWORDS:
                near = nearest(keyword, KEYWORDS)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(KEYWORDS)}"
                raise PluginError(f"register({name!r}) has no keyword {keyword!r}{hint}")
        full = name if "." in name else f"{self.plugin}.{name}"

        def decorate(function: Any) -> Any:
            try:
                self._admit(full, name, function, **keywords)
            except AugalgebraError as error:
                raise PluginError(f"{full}: {_one_line(error)}") from error
            return function

        return decorate

    def _admit(
        self,
        full: str,
        written: str,
        function: Any,
        *,
        params: Sequence[Param] = (),
        shape: Shape = "kept",
        tolerance: float | None = None,
        probes: Sequence[str] = (),
        **metadata: Any,
    ) -> None:
        if full in self.augmentations:
            raise PluginError("registered twice by the same plugin")
        if len(self.augmentations) == MOST_ITEMS:
            raise PluginError(f"a plugin registers at most {MOST_ITEMS} augmentations")
        if parse_word(full) != word_of(full):
            raise PluginError("not a name; use letters, digits, '_' and dots")
        if not callable(function):
            raise PluginError("register decorates a function from a batch of images to a batch of images")
        if shape not in ("kept", "transposed", "changed"):
            raise PluginError(f"shape must be 'kept', 'transposed' or 'changed', not {shape!r}")
        _positive("tolerance", tolerance)
        augmentation = Augmentation(
            full,
            function,
            params_of(function, {param.name: param for param in _list("params", params, Param)}),
            shape=shape,
            tolerance=tolerance,
            summary=(inspect.getdoc(function) or "").split("\n", 1)[0],
            plugin=self.plugin,
            probes=tuple(_list("probes", probes, str)),
            declared={"name": written} | {key: item for key, item in metadata.items() if item not in (None, ())},
        )
        self.laws.extend(replace(law, plugin=self.plugin) for law in declared_laws(augmentation, **metadata))
        self.augmentations[full] = augmentation


def declared_laws(
    augmentation: Augmentation,
    *,
    inverse: str | None = None,
    inverse_kind: str = "exact",
    period: int | None = None,
    idempotent: bool | None = None,
    commutes_with: Sequence[str] = (),
    equals: str | None = None,
    additive: str | Sequence[str] | None = None,
    multiplicative: str | None = None,
    laws: Sequence[str | Law] = (),
    approximate: float | None = None,
    only_for: str | None = None,
) -> list[Law]:
    """Spell the metadata of one augmentation out as equations; names in them are still as written.

    Raises:
        WordSyntaxError: A word or law cannot be read.
        PluginError: A keyword has a value it cannot have.
    """
    name = augmentation.name
    self_word = word_of(name)
    found: list[Law] = []
    for keyword, text in (
        ("inverse", inverse),
        ("equals", equals),
        ("multiplicative", multiplicative),
        ("only_for", only_for),
    ):
        if text is not None and not isinstance(text, str):
            raise PluginError(f"{keyword} is a text, {_EXAMPLES[keyword]}, not {text!r}; leave it out if it is unknown")
    if inverse is None and inverse_kind != "exact":
        raise PluginError("inverse_kind says nothing without inverse")
    _positive("approximate", approximate)
    conditions = ALWAYS if only_for is None else parse_pictures(only_for)
    if idempotent is not None and not isinstance(idempotent, bool):
        raise PluginError(f"idempotent is True, False, or left out if it is unknown; not {idempotent!r}")

    def declare(sides: tuple[Word, Word], kind: Kind) -> None:
        scope: Scope = "exact" if approximate is None else "approximate"
        found.append(Law(*sides, kind=kind, scope=scope, tolerance=approximate, owner=name, conditions=conditions))

    if inverse is not None:
        found.extend(_inverse_laws(augmentation, inverse, inverse_kind, approximate, conditions))
    if period is not None:
        if not isinstance(period, int) or isinstance(period, bool) or not 1 <= period <= equations.MAX_LAW:
            raise PluginError(f"period is a positive whole number up to {equations.MAX_LAW}, not {period!r}")
        declare(equations.periodic(self_word, period), "period")
    if idempotent is not None:
        declare(equations.idempotent(self_word), "idempotent" if idempotent else "unequal")
    for other in _list("commutes_with", commutes_with, str):
        declare(equations.commutation(self_word, _word_about(augmentation, other)), "commutes")
    if equals is not None:
        declare((self_word, _word_about(augmentation, equals)), "equals")
    if additive is not None:
        names = [additive] if isinstance(additive, str) else _list("additive", additive, str)
        for sides in _family(augmentation, names, add, 0):
            declare(sides, "additive")
    if multiplicative is not None:
        for sides in _family(augmentation, [multiplicative], multiply, 1):
            declare(sides, "multiplicative")
    found.extend(as_laws(laws, name))
    return found


_EXAMPLES = {
    "inverse": 'such as "self", "flip_lr" or "none"',
    "equals": 'such as "flip_lr * flip_ud"',
    "multiplicative": "the name of a parameter",
    "only_for": 'such as "square pictures"',
    "commutes_with": "names, such as ['flip_lr']",
    "additive": "names of parameters",
    "probes": "names, such as ['acme.waves']",
    "params": "aa.Param, such as [aa.Param('degrees', low=0, high=90)]",
}


def _positive(keyword: str, number: object) -> None:
    fine = isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < math.inf
    if number is not None and not fine:
        raise PluginError(f"{keyword} is a positive number, not {number!r}")


def _word_about(augmentation: Augmentation, text: str) -> Word:
    """A word that is told of an augmentation, whose parameters it may name."""
    own = {param.name: augmentation.variable(param) for param in augmentation.params}
    return parse_word(text, variables=True).map(lambda symbol: symbol.substitute(own))


def _list(keyword: str, items: object, kind: type[Item]) -> Sequence[Item]:
    """The items of a keyword that takes a list."""
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise PluginError(f"{keyword} is a list of {_EXAMPLES[keyword]}, not {items!r}")
    found = []
    for item in take(items, keyword):
        if not isinstance(item, kind):
            raise PluginError(f"{keyword} is a list of {_EXAMPLES[keyword]}; {item!r} cannot be among them")
        found.append(item)
    return found


def as_laws(declared: Iterable[str | Law], owner: str) -> list[Law]:
    """Read laws given as text; whoever declares them is their owner, and nothing else than a declaration makes them.

    Raises:
        PluginError: An item is neither text nor a law, or a law with parts that it cannot have.
        WordSyntaxError: A text is no law.
    """
    if isinstance(declared, str | Law) or not isinstance(declared, Iterable):
        raise PluginError("laws is a list of equations, such as ['a * b = b * a']")
    found = []
    for item in take(declared, "laws"):
        if not isinstance(item, str | Law):
            raise PluginError(f"a law is text such as 'a * b = b * a', not {item!r}")
        law = parse_law(item) if isinstance(item, str) else item
        for side in (law.lhs, law.rhs):
            if not isinstance(side, Word):
                raise PluginError(f"a side of a law is a word, such as parse_word('a * b'), not {side!r}")
        if max(law.lhs.length, law.rhs.length) > equations.MAX_LAW:
            raise PluginError(f"a side of a law has at most {equations.MAX_LAW} letters")
        _refuse_malformed(law)
        if law.scope == "approximate" and law.tolerance is None:
            law = replace(law, tolerance=DEFAULT_APPROXIMATE)
        found.append(replace(law, owner=owner, status="declared"))
    return found


def _refuse_malformed(law: Law) -> None:
    """Raise `PluginError` unless everything about a law is what it must be; `Law` itself looks at none of it."""
    for name, known in (("kind", Kind), ("scope", Scope)):
        given = getattr(law, name)
        if given not in get_args(known):
            raise PluginError(f"the {name} of a law is one of {', '.join(get_args(known))}, not {given!r}")
    _positive("the tolerance of a law", law.tolerance)
    if not isinstance(law.conditions, frozenset) or not law.conditions <= ALL:
        items = ", ".join(map(repr, sorted(ALL)))
        raise PluginError(f"the conditions of a law are a frozenset of {items}, not {law.conditions!r}")
    if law.kind == "keeps" and not law.conditions:
        raise PluginError("a law of kind 'keeps' says by its conditions what is kept; it has none")
    for side in (law.lhs, law.rhs):
        if parse_word(str(side), variables=True) != side:
            raise PluginError(f"a side of a law is a word as parse_word reads it, which {side} is not")
    form, fits = _FORMS.get(law.kind, ("", None))
    if fits is not None and not fits(law.lhs, law.rhs):
        raise PluginError(f"a law of kind {law.kind!r} has the form {form}; {law.lhs} = {law.rhs} has not")


def _is_letter(lhs: Word, rhs: Word) -> bool:
    return not rhs and [exponent for _, exponent in lhs.syllables] == [1]


_FORMS: dict[str, tuple[str, Callable[[Word, Word], bool]]] = {
    "singular": ("a = id", _is_letter),
    "keeps": ("a = id", _is_letter),
    "involutory": ("a^2 = id", lambda lhs, rhs: not rhs and len(lhs.syllables) == 1 and len(lhs) == 2),
    "period": ("a^n = id", lambda lhs, rhs: not rhs and len(lhs.syllables) == 1),
    "idempotent": ("a^2 = a", lambda lhs, rhs: bool(rhs) and lhs == rhs**2),
    "commutes": (
        "a * b = b * a",
        lambda lhs, rhs: len(lhs) > 1 and rhs.letters == lhs.letters[1:] + lhs.letters[:1],
    ),
}
"""What the sides of laws look like, for the kinds that are told by them."""


def _inverse_laws(
    augmentation: Augmentation, inverse: str, inverse_kind: str, approximate: float | None, conditions: Conditions
) -> list[Law]:
    name = augmentation.name
    if inverse_kind not in INVERSE_KINDS:
        raise PluginError(f"inverse_kind must be one of {', '.join(INVERSE_KINDS)}, not {inverse_kind!r}")
    self_word = word_of(name)
    if inverse == "none":
        return [Law(self_word, IDENTITY, kind="singular", owner=name)]
    if inverse_kind == "approximate" and approximate is None:
        approximate = DEFAULT_APPROXIMATE
    scope: Scope = "exact" if approximate is None else "approximate"
    if inverse == "self":
        return [Law(self_word**2, IDENTITY, "involutory", scope, approximate, name, conditions=conditions)]
    other = _word_about(augmentation, inverse)
    after = Law(self_word * other, IDENTITY, "right inverse", scope, approximate, name, conditions=conditions)
    before = Law(other * self_word, IDENTITY, "left inverse", scope, approximate, name, conditions=conditions)
    if inverse_kind == "right":
        return [after]
    if inverse_kind == "left":
        return [before]
    return [replace(after, kind="inverse"), replace(before, kind="inverse")]


def _family(
    augmentation: Augmentation,
    names: Sequence[str],
    combine: Callable[[Any, Any], Any],
    neutral: int,
) -> list[tuple[Word, Word]]:
    known = [param.name for param in augmentation.params]
    for name in names:
        if name not in known:
            raise PluginError(f"{name!r} is not a parameter; it has {', '.join(known) or 'none'}")

    def member(values: dict[str, Value]) -> Word:
        rest = {key: variable(key) for key in known if key not in values}
        return Word(((Symbol(augmentation.name, (), tuple(sorted((values | rest).items()))), 1),))

    first = {name: variable(f"{name}_1") for name in names}
    second = {name: variable(f"{name}_2") for name in names}
    both = {name: combine(first[name], second[name]) for name in names}
    return [
        (member(dict(first)) * member(dict(second)), member(both)),
        (member({name: value(neutral) for name in names}), IDENTITY),
    ]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
