"""Names of augmentations: full and short ones, and how words and laws are written for people."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.words import Symbol, Word
from augalgebra.augmentation import Augmentation
from augalgebra.errors import AmbiguousNameError, AugalgebraError, UnknownNameError
from augalgebra.parameters import REQUIRED, Param

_FULL_NAME = re.compile(r"(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\([^()]*\))?")


class Names:
    """Augmentations by name, and words in the names that people read and write.

    Attributes:
        augmentations: Augmentation by full name.
    """

    def __init__(self, augmentations: Mapping[str, Augmentation]) -> None:
        self.augmentations = dict(augmentations)
        self._short: dict[str, list[str]] = {}
        for name in self.augmentations:
            self._short.setdefault(name.rsplit(".", 1)[-1], []).append(name)

    def resolve(self, name: str, namespace: str = "", kin: Collection[str] = ()) -> Augmentation:
        """The augmentation of a full name, or of a short one that only one augmentation has.

        Args:
            name: Full or short name.
            namespace: Where a short name is looked up first.
            kin: Full names that a short one which several have is looked up in next.

        Raises:
            UnknownNameError: There is none; the message suggests the nearest.
            AmbiguousNameError: Several share the short name; the message lists them.
        """
        found = self.augmentations.get(name) or self.augmentations.get(f"{namespace}.{name}")
        if found is not None:
            return found
        candidates = self._short.get(name, [])
        if len(candidates) > 1 and len(own := [item for item in candidates if item in kin]) == 1:
            candidates = own
        if len(candidates) == 1:
            return self.augmentations[candidates[0]]
        if candidates:
            raise AmbiguousNameError(f"{name!r} could be {' or '.join(candidates)}; write the full name")
        return self._resolve_lazily(name)

    def _resolve_lazily(self, name: str) -> Augmentation:
        """What is found elsewhere for a name that is not here."""
        raise UnknownNameError("augmentation", name, self.augmentations)

    def display(self, word: Word | Symbol | Law) -> str:
        """Text for people: short names where they are unambiguous, parameters left out where they are the default."""
        if isinstance(word, Law):
            renaming = self._variables_of(word)

            def shown(symbol: Symbol) -> Symbol:
                return self._renamed(symbol.name, symbol.args, symbol.kwargs, renaming)

            return str(replace(word, lhs=word.lhs.map(shown), rhs=word.rhs.map(shown)))
        if isinstance(word, Symbol):
            return str(self._shown(word))
        return str(word.map(self._shown))

    def short_name(self, name: str) -> str:
        """The name people read and write: the short one where only one augmentation has it."""
        short = name.rsplit(".", 1)[-1]
        return short if len(self._short.get(short, [])) == 1 else name

    def shorten(self, text: str) -> str:
        """Text with the full names of augmentations and of their drawn parameters in it shortened as in `display`."""

        def short(match: re.Match[str]) -> str:
            name = match["name"]
            if name not in self.augmentations:
                owner, _, parameter = name.rpartition(".")
                return match[0].replace(name, parameter) if owner in self.augmentations else match[0]
            try:
                word = parse_word(match[0], variables=True)
            except AugalgebraError:  # brackets that are not its arguments
                return match[0].replace(name, self.short_name(name))
            everything = self.augmentations[name].bind(Symbol(name), universal=True)
            return self.short_name(name) if word.symbols == (everything,) else self.display(word)

        return _FULL_NAME.sub(short, text)

    def _shown(self, symbol: Symbol) -> Symbol:
        augmentation = self.augmentations.get(symbol.name)
        if augmentation is None:
            return symbol
        shown = [
            (param.name, argument)
            for param, argument in zip(augmentation.params, symbol.args, strict=False)
            if argument != _implied(augmentation, param)
        ]
        # by position as far as none is left out in between, so that rotate(30) stays rotate(30)
        names = [param.name for param in augmentation.params]
        leading = next((place for place, (name, _) in enumerate(shown) if name != names[place]), len(shown))
        positional, by_name = [argument for _, argument in shown[:leading]], [*shown[leading:], *symbol.kwargs]
        renaming: dict[str, Value] = {}
        for variable in symbol.variables:
            owner, _, parameter = variable.rpartition(".")
            renaming[variable] = expressions.variable(parameter if owner == symbol.name else self._with_owner(variable))
        return self._renamed(symbol.name, positional, by_name, renaming)

    def _variables_of(self, law: Law) -> dict[str, Value]:
        """The variables of a law as they are shown: different ones differently, and as briefly as that allows."""
        shown = {variable: variable.rpartition(".")[2] for variable in law.variables}
        for longer in (self._with_owner, str):
            times = Counter(shown.values())
            shown = {variable: text if times[text] == 1 else longer(variable) for variable, text in shown.items()}
        return {variable: expressions.variable(text) for variable, text in shown.items()}

    def _with_owner(self, variable: str) -> str:
        owner, _, parameter = variable.rpartition(".")
        return f"{self.short_name(owner)}.{parameter}" if owner else parameter

    def _renamed(
        self, name: str, args: Sequence[Value], kwargs: Sequence[tuple[str, Value]], renaming: Mapping[str, Value]
    ) -> Symbol:
        return Symbol(
            self.short_name(name),
            tuple(expressions.substitute(arg, renaming) for arg in args),
            tuple((key, expressions.substitute(arg, renaming)) for key, arg in kwargs),
        )


def _implied(augmentation: Augmentation, param: Param) -> object:
    """What an argument is when it is left out; something that equals no argument where it cannot be."""
    if param.draw is not None:
        return augmentation.variable(param)
    return REQUIRED if param.default is REQUIRED else expressions.value(param.default)
