"""The catalog: every augmentation that loaded, all laws about them, and what can be asked of words in them."""

import copy
import functools
import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

from augalgebra.algebra import expressions
from augalgebra.algebra.conditions import ALWAYS, SQUARE, Conditions
from augalgebra.algebra.expressions import Expression, Truth, Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Symbol, Word, product
from augalgebra.augmentation import Augmentation
from augalgebra.catalog.names import Names
from augalgebra.catalog.plugin import PluginInfo
from augalgebra.catalog.trust import Judgement, LeftOut, Trust
from augalgebra.errors import (
    AugalgebraError,
    NotInvertibleError,
    ParameterError,
    PluginError,
    UnknownNameError,
)
from augalgebra.image_batches import check_batch, check_finite, image_numbers
from augalgebra.isolation import describe, isolate, seconds_allowed, take

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class Dangling:
    """A law that could not be used because it names something unknown or impossible."""

    law: Law
    reason: str


_Systems: TypeAlias = dict[tuple[Symbol, ...], tuple[RewritingSystem, tuple[LeftOut, ...]]]


class Catalog(Names):
    """Augmentations by name, their laws, and queries about words.

    Words may be given as text or as `Word`; answers are words in full names, which `display` shortens for people.

    Attributes:
        augmentations: Augmentation by full name.
        trust: Tells laws that may decide from those that first have to be checked.
        dangling: Laws that could not be resolved, with the reason.
        plugins: What became of each plugin, failed and disabled ones included.
        managers: The hooks of each plugin that loaded, by its name.

    Examples:
        >>> from augalgebra import load_catalog
        >>> catalog = load_catalog()
        >>> catalog.display(catalog.normal_form("flip_lr * flip_ud * rotate_cw^2"))
        'id'
    """

    def __init__(
        self,
        augmentations: Mapping[str, Augmentation],
        laws: Iterable[Law],
        plugins: Sequence[PluginInfo] = (),
        managers: Mapping[str, pluggy.PluginManager] | None = None,
        violated: Collection[str] = (),
    ) -> None:
        super().__init__(augmentations)
        self.plugins = tuple(plugins)
        self.managers = dict(managers or {})
        self._systems: _Systems = {}
        self._systems_for: dict[bool, _Systems] = {}  # for pictures that are squares, and for others
        self.trust = Trust(self.augmentations, self.plugins, functools.partial(_judge_on_images, self))
        resolved: list[Law] = []
        dangling: list[Dangling] = []
        for law in laws:
            try:
                found = self.trust.initial(self.law(law))
                resolved.append(replace(found, status="violated") if violated and str(found) in violated else found)
            except AugalgebraError as error:
                dangling.append(Dangling(law, str(error)))
        self.laws = tuple(dict.fromkeys(resolved))
        self.dangling = tuple(dangling)
        self._squares: dict[str, Law] = {}
        self._square: bool | None = None  # whether all pictures are, if that is known
        self.origin: tuple[object, ...] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """How another process comes by the same catalog: it loads the plugins itself, as functions are not pickled.

        Raises:
            PluginError: A plugin was given as an object, or the catalog was put together in memory.
        """
        if self.origin is None:
            raise PluginError("this catalog was put together in memory; another process cannot load its plugins")
        load_again, *arguments = self.origin
        return load_again, (*arguments, self.laws), {"_square": self._square}

    def __copy__(self) -> "Catalog":
        other = object.__new__(Catalog)
        other.__dict__.update(self.__dict__ | {"_systems": {}, "_systems_for": {}})  # which rest on the laws
        return other

    def __deepcopy__(self, memo: dict[int, object]) -> "Catalog":
        return self  # it is asked, never changed

    def _resolve_lazily(self, name: str) -> Augmentation:
        plugin = name.split(".", 1)[0]
        if "." in name and plugin in self.managers:
            for answer in self.ask(plugin, "augalg_resolve", name=name):
                if isinstance(answer, Augmentation) and answer.name == name:
                    answer = replace(answer, plugin=plugin)
                    self.augmentations[name] = answer
                    return answer
        hints = ["('augalg list' shows all)"]
        hints += [f"plugin {i.name} failed: {i.reason}" for i in self.plugins if name in i.reason or i.name == plugin]
        raise UnknownNameError("augmentation", name, self.augmentations, "; ".join(hints))

    def ask(self, plugin: str, hook: str, **arguments: object) -> list[Any]:
        """What a loaded plugin answers to a hook; nothing if it does not implement it.

        Raises:
            PluginError: It raised; the message names it and the hook.
        """
        try:
            with isolate(plugin, limit=seconds_allowed()):
                answers: list[Any] = getattr(self.managers[plugin].hook, hook)(**arguments)
                # what is given one by one is asked for here, where it cannot do harm or go on for ever
                return [take(item, "items") if isinstance(item, Iterator) else item for item in answers]
        except AugalgebraError:
            raise  # meant for the user as it is
        except Exception as error:
            raise PluginError(f"plugin {plugin} failed to answer {hook}: {describe(error)}") from error

    def word(self, word: str | Word | Symbol) -> Word:
        """The canonical form of a word: full names, every parameter in its place.

        Raises:
            WordSyntaxError: The text is no word.
            UnknownNameError: A name is not registered.
            ParameterError: A parameter is missing, unknown or out of range.
        """
        if isinstance(word, Symbol):
            word = Word(((word, 1),))
        parsed = parse_word(word, variables=True) if isinstance(word, str) else word
        return parsed.map(self._bound)

    def _bound(self, symbol: Symbol) -> Symbol:
        augmentation = self.resolve(symbol.name)
        bound = augmentation.bind(symbol)
        for place, (param, argument) in enumerate(zip(augmentation.params, bound.args, strict=True)):
            given = isinstance(argument, str | Truth | tuple) or (argument is None and param.default is not None)
            if given and (bound.name, place) in self._calculated:
                text = expressions.value_text(argument)
                raise ParameterError(f"{augmentation.short_name}: {param.name} must be a number, not {text}")
        return bound.substitute({name: self._drawn(name, augmentation) for name in bound.variables})

    @cached_property
    def _calculated(self) -> frozenset[tuple[str, int]]:
        """The parameters (augmentation and place) that some law calculates with, so that they must be numbers."""
        return frozenset(
            (symbol.name, place)
            for law in self.laws
            for symbol in law.symbols
            for place, argument in enumerate(symbol.args)
            if isinstance(argument, Expression) and expressions.as_variable(argument) is None
        )

    def _drawn(self, variable: str, user: Augmentation) -> Expression:
        """The symbolic constant that a name such as ``shear_x.degrees`` in a word stands for."""
        owner, _, parameter = variable.rpartition(".")
        if owner:
            augmentation = self.resolve(owner)
            for param in augmentation.params:
                if param.name == parameter and param.draw:
                    return augmentation.variable(param)
        raise ParameterError(
            f"{user.short_name}: {variable!r} is not a number; only a parameter that is drawn at random can be "
            "named in a word, such as shear_x(-degrees)"
        )

    def law(self, law: Law) -> Law:
        """The canonical form of a law; bare names of families in it speak of all their parameters.

        Raises:
            AugalgebraError: A name or parameter in it cannot be resolved.
        """
        namespace, kin = law.owner.rsplit(".", 1)[0], self._kin.get(law.plugin, frozenset())

        bare = {self.resolve(s.name, namespace, kin).name for s in law.symbols if not (s.args or s.kwargs)}

        def bound(symbol: Symbol) -> Symbol:
            augmentation = self.resolve(symbol.name, namespace, kin)
            return augmentation.bind(symbol, universal=True, tied=augmentation.name in bare)

        return replace(law, lhs=law.lhs.map(bound), rhs=law.rhs.map(bound))

    @cached_property
    def _kin(self) -> dict[str, frozenset[str]]:
        """By plugin the augmentations of its distribution, whose short names are theirs whoever else has them."""
        homes = {info.name: info.distribution for info in self.plugins if info.distribution}
        of: dict[str, set[str]] = {home: set() for home in homes.values()}
        for name, item in self.augmentations.items():
            if item.plugin in homes:
                of[homes[item.plugin]].add(name)
        return {plugin: frozenset(of[home]) for plugin, home in homes.items()}

    def for_size(self, height: int, width: int) -> "Catalog":
        """The catalog as it is for pictures of one size: what is true of squares is just true, or of no use."""
        other, square = copy.copy(self), height == width
        other._systems = self._systems if square == self._square else self._systems_for.setdefault(square, {})
        other._square = square
        other.laws = tuple(map(self.trust.update, self.laws))  # checked where those systems were completed
        return other

    @property
    def premises(self) -> tuple[Law, ...]:
        """What is reasoned with: all laws, and that what keeps or transposes the shape keeps squares."""
        for name, augmentation in self.augmentations.items():
            if name not in self._squares and augmentation.shape != "changed":
                all_members = Word(((augmentation.bind(Symbol(name), universal=True), 1),))
                self._squares[name] = Law(
                    all_members, IDENTITY, "keeps", owner=name, status="checked", conditions=SQUARE
                )  # checked each time it is applied
        return (*self.laws, *self._squares.values())

    def laws_of(self, name: str) -> tuple[Law, ...]:
        """The laws that one augmentation declared, or that speak of it alone."""
        return tuple(self._laws_by_name.get(self.resolve(name).name, ()))

    @property
    def laws(self) -> tuple[Law, ...]:
        """Every law, its names resolved, with how far it can be trusted as its status."""
        return self._laws

    @laws.setter
    def laws(self, laws: tuple[Law, ...]) -> None:
        self._laws = laws
        self.__dict__.pop("_laws_by_name", None)

    @functools.cached_property
    def _laws_by_name(self) -> dict[str, list[Law]]:
        found: dict[str, list[Law]] = {}
        for law in self.laws:
            alone = {symbol.name for symbol in law.symbols}
            for name in {law.owner} | (alone if len(alone) == 1 else set()):
                found.setdefault(name, []).append(law)
        return found

    def system(self, *words: str | Word) -> RewritingSystem:
        """The completed presentation around some words: their augmentations, and those linked by definitions."""
        return self._answering(words)[0]

    def left_out(self, *words: str | Word) -> tuple[LeftOut, ...]:
        """The laws that bear on questions about some words and are not reasoned with, each with the reason."""
        return self._answering(words)[1]

    def assume(self, plugin: str) -> None:
        """Take the laws of a plugin for true, unchecked, but for those that are known to be violated.

        Raises:
            UnknownNameError: No plugin of this name is loaded.
        """
        if plugin not in self.managers:
            raise UnknownNameError("plugin", plugin, self.managers, "('augalg plugins list' shows all)")
        self.laws = tuple(self.trust.assume(law) if law.plugin == plugin else law for law in self.laws)
        self._systems, self._systems_for = {}, {}

    def _answering(self, words: Iterable[str | Word]) -> tuple[RewritingSystem, tuple[LeftOut, ...]]:
        symbols = dict.fromkeys(symbol for word in words for symbol in self.word(word).symbols)
        key = tuple(sorted(symbols, key=str))
        if key in self._systems:
            return self._systems[key]
        letters = [Word(((symbol, 1),)) for symbol in key]
        laws, left_out = self.trust.usable(letters, self.premises)
        if self._square is not None:
            laws = [law for law in laws if self._square or not law.is_equation or "square" not in law.conditions]
            met = SQUARE if self._square else ALWAYS
            laws = [replace(law, conditions=law.conditions - met) if law.is_equation else law for law in laws]
        found = complete(Presentation.around(letters, laws)), tuple(left_out)
        if not self.trust.is_judging:  # what was left out then may hold
            self._systems[key] = found
            self.laws = tuple(self.trust.update(law) for law in self.laws)
        return found

    def normal_form(self, word: str | Word) -> Word:
        """The shortlex-least word that the laws prove equal."""
        canonical = self.word(word)
        return self.system(canonical).normal_form(canonical)

    def equal(self, first: str | Word, second: str | Word) -> queries.Equality:
        """Whether the laws prove two words equal, with the proof."""
        a, b = self.word(first), self.word(second)
        return queries.equal(self.system(a, b), a, b)

    def inverse(self, word: str | Word) -> queries.Inverse:
        """The inverse of a word, told apart: two-sided, left, right, none, unknown.

        Where laws give one with a parameter that its augmentation does not take, it is a power of the word if that has
        a period, and unknown otherwise.
        """
        canonical = self.word(word)
        system = self.system(canonical)
        found = queries.inverse(system, canonical)
        refused = self.refusal(found.word or IDENTITY)
        if not refused:
            return found
        period = queries.period(system, canonical)
        proof = None if period is None else system.prove(canonical**period, IDENTITY)
        if period is None or proof is None:
            return queries.Inverse(canonical, "unknown", None, f"by the laws {found.word} undoes it, but {refused}")
        return queries.Inverse(canonical, "two-sided", canonical ** (period - 1), f"{proof.start} = id", (proof,))

    def refusal(self, word: Word) -> str:
        """Why a word that laws lead to cannot be applied: a parameter outside its range; empty if there is none."""
        try:
            self.word(word)
        except ParameterError as error:
            return str(error)
        return ""

    def route(self, start: str | Word, goal: str | Word) -> Word:
        """The shortest word that leads from the view `start` to the view `goal`: start⁻¹ goal.

        Raises:
            NotInvertibleError: `start` cannot be undone, or not with parameters that augmentations take.
        """
        return self.find_route(start, goal).word

    def find_route(self, start: str | Word, goal: str | Word) -> queries.Route:
        """The same with the proof that it leads there, which says for which pictures.

        Raises:
            NotInvertibleError: `start` cannot be undone, or not with parameters that augmentations take.
        """
        a, b = self.word(start), self.word(goal)
        found = queries.find_route(self.system(a, b), a, b)
        if refused := self.refusal(found.word):
            raise NotInvertibleError(f"by the laws {self.display(found.word)} leads there, but {refused}")
        return found

    def apply(self, word: str | Word, images: "Tensor", *, seed: int = 0, ids: Sequence[int] | None = None) -> "Tensor":
        """The view of `images` under a word.

        Args:
            word: The word; inverses in it are replaced by what the laws say they are.
            images: Float batch ``[batch, channel, height, width]`` in [0, 1]; it is not changed.
            seed: Seed of everything drawn at random.
            ids: Numbers of the images in their data set, which random draws depend on; 0, 1, 2, … by default.

        Returns:
            The moved batch.

        Raises:
            NotInvertibleError: The word has an inverse of what is not invertible.
            ImageError: The images are not of that form, a pixel is not finite, or `ids` are not one whole number from 0
                for each image.
            AugmentationError: An augmentation failed or broke its promise.
        """
        check_batch(images)
        check_finite(images)
        height, width = images.shape[-2:]
        numbers = range(len(images)) if ids is None else image_numbers(ids, len(images)).tolist()
        drawn: dict[str, np.ndarray[Any, Any]] = {}
        for letter in self.spelt_out(word, without=ALWAYS if height == width else SQUARE).letters:
            augmentation = self.resolve(letter.symbol.name)
            for variable in sorted(letter.symbol.variables - drawn.keys()):
                drawn.update(self.resolve(variable.rpartition(".")[0]).draw(seed, numbers))
            arguments = [_evaluate(argument, drawn) for argument in letter.symbol.args]
            images = augmentation.apply(images, arguments)
        return images

    def spelt_out(self, word: str | Word, *, without: Conditions = ALWAYS) -> Word:
        """The word with every inverse replaced by a word without inverses, letter by letter.

        Args:
            word: The word.
            without: Conditions that the pictures do not meet; laws that need them are not used.

        Raises:
            NotInvertibleError: There is no such word.
        """
        powers: list[Word] = []
        for symbol, exponent in self.word(word).syllables:
            base = Word(((symbol, 1),))
            if exponent < 0:
                base = self._positive_inverse(base, without)
            powers.append(base ** abs(exponent))
        return product(powers)

    def _positive_inverse(self, letter: Word, without: Conditions) -> Word:
        system = self.system(letter)
        found = queries.invert(system, letter, without=without)
        if self.refusal(found):
            found = queries.demand(self.inverse(letter))  # says what is refused, or finds a power
        if all(exponent > 0 for _, exponent in found.syllables):
            return found
        period = queries.period(system, letter)
        if period is None:
            raise NotInvertibleError(
                f"{self.display(letter)} has an inverse, but no law says which word it is; declare inverse= or period="
            )
        return letter ** (period - 1)


def _judge_on_images(catalog: Catalog, law: Law) -> Judgement:
    # the checks stand above the catalog and take seconds to import; they are needed once for each law about others
    try:
        found: Judgement = importlib.import_module("augalgebra.checks").judge_law(catalog, law)
    except ModuleNotFoundError as error:
        from augalgebra.catalog.requirements import missing_package

        package = missing_package(error)
        if package is None:
            raise
        return Judgement("not checked", f"checking it on images needs {package}, which is not installed")
    return found


def _evaluate(argument: Value, drawn: "Mapping[str, np.ndarray[Any, Any]]") -> object:
    """The number of a parameter for each image, from what was drawn."""
    if not isinstance(argument, Expression):
        return expressions.to_python(argument)
    single = expressions.as_variable(argument)
    if single is not None:
        return drawn[single]
    total: Any = 0.0
    for monomial, coefficient in argument.terms:
        product: Any = float(coefficient)
        for name, exponent in monomial:
            product = product * drawn[name].astype("float64") ** exponent
        total = total + product
    return total
