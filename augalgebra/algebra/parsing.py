"""Reading words and laws from text.

Grammar (loosest first)::

    law    := word ('=' | '≈' | '≠' | '!=') word [ 'for' pictures ] | word 'keeps' ('squares' | 'a' 'dark' 'border')
    pictures := [ 'square' ] 'pictures' [ 'with' 'a' 'dark' 'border' ]
    word   := power ('*' power)*
    power  := '~' power | atom [ ('^' | '**') integer ]
    atom   := 'id' | name [ '(' [ argument (',' argument)* ] ')' ] | '(' word ')'
    argument := [ identifier '=' ] value
    value  := text | 'true' | 'false' | 'none' | tuple | arithmetic on numbers (and variables, in laws)
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple, TypeVar

from augalgebra.algebra import expressions
from augalgebra.algebra.conditions import ALWAYS, KEPT, PHRASES, Condition
from augalgebra.algebra.expressions import Expression, Truth, Value
from augalgebra.algebra.words import IDENTITY, MAX_LETTERS, Symbol, Word, product
from augalgebra.errors import AugalgebraError, WordSyntaxError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<sign>\*\*|!=|[*^~()=≈≠,+\-/])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
_NUMBER_SIZE = 100  # characters, and power of ten: far beyond any parameter, and cheap to compute with
_WORK = 10 * MAX_LETTERS  # letters of all products and powers, those within brackets counted for each bracket
_NESTING = 100  # brackets within brackets, or signs before signs
_SIGNS = {"=": "=", "≈": "≈", "≠": "≠", "!=": "≠"}
Item = TypeVar("Item")
_CONSTANTS: dict[str, Value] = {"true": Truth.TRUE, "false": Truth.FALSE, "none": None}


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


def split_names(text: str) -> tuple[str, ...]:
    """Split at commas that are not between brackets.

    Examples:
        >>> split_names("shear_x(10, 0), canny")
        ('shear_x(10, 0)', 'canny')
    """
    return tuple(part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip())


def parse_word(text: str, *, variables: bool = False) -> Word:
    """Read a word such as ``flip_lr * rotate_cw^2 * shear_x(-45)^-1``.

    Args:
        text: The word.
        variables: Whether names may stand where a parameter is expected.

    Raises:
        WordSyntaxError: The text is no word; the message has a caret under the place.

    Examples:
        >>> str(parse_word("(flip_lr * rotate_cw)**-1"))
        'rotate_cw^-1 * flip_lr^-1'
    """
    reader = _Reader(text, variables=variables)
    word = reader.word()
    reader.expect_end("an equation cannot stand here; give one word")
    return word


class Statement(NamedTuple):
    """What a law says, as read from text.

    Attributes:
        lhs: The left side.
        sign: ``=``, ``≈`` for an approximate law, ``≠`` for its negation, or ``keeps``.
        rhs: The right side; the identity after ``keeps``.
        conditions: What a picture has to be for the law to hold; after ``keeps``, what it stays.
    """

    lhs: Word
    sign: str
    rhs: Word
    conditions: frozenset[Condition] = ALWAYS


def parse_statement(text: str) -> Statement:
    """Read a law; bare names between brackets are variables.

    Raises:
        WordSyntaxError: The text is no law.

    Examples:
        >>> str(parse_statement("rotate(a) * rotate(b) = rotate(a + b)").rhs)
        'rotate(a + b)'
        >>> sorted(parse_statement("rotate(90) = rotate_ccw for square pictures").conditions)
        ['square']
    """
    reader = _Reader(text, variables=True)
    left = reader.word()
    if reader.accept("keeps"):
        if [exponent for _, exponent in left.syllables] != [1]:
            raise WordSyntaxError(text, 0, "only of one augmentation can be said what it keeps")
        kept = reader.phrase(KEPT, "'keeps' is followed by")
        return Statement(left, "keeps", IDENTITY, frozenset((kept,)))
    sign = reader.accept(*_SIGNS)
    if sign is None:
        raise reader.fail("expected '=' between the two sides of a law")
    right = reader.word()
    conditions = reader.phrase(PHRASES, "'for' is followed by") if reader.accept("for") else ALWAYS
    reader.expect_end("a law has one '='")
    return Statement(left, _SIGNS[sign.text], right, conditions)


def parse_pictures(text: str) -> frozenset[Condition]:
    """Read what pictures a law is for, such as ``square pictures`` or ``pictures with a dark border``.

    Raises:
        WordSyntaxError: It is none of these.
    """
    return _Reader(text, variables=False).phrase(PHRASES, "laws are for")


def parse_symbol(text: str) -> Symbol:
    """Read one augmentation with its parameters, e.g. ``roll(1, 0)``.

    Raises:
        WordSyntaxError: The text is not exactly one symbol.
    """
    word = parse_word(text)
    if word.length != 1 or word.syllables[0][1] != 1:
        raise WordSyntaxError(text, 0, "expected one augmentation, such as flip_lr or rotate(30)")
    return word.syllables[0][0]


class _Reader:
    def __init__(self, text: str, *, variables: bool) -> None:
        self.text, self.variables = text, variables
        self.work = 0
        self.tokens: list[_Token] = []
        place = 0
        while not self.tokens or self.tokens[-1].kind != "end":
            match = _TOKEN.match(text, place)
            if match is None:
                place += len(text[place:]) - len(text[place:].lstrip())
                raise WordSyntaxError(text, place, f"unexpected character {text[place]!r}")
            kind = str(match.lastgroup)
            self.tokens.append(_Token(kind, match.group(kind), match.start(kind)))
            place = match.end()
        self.index = 0
        self.refuse_deep_nesting()

    def refuse_deep_nesting(self) -> None:
        depth = run = 0
        for token in self.tokens:
            depth += (token.text == "(") - (token.text == ")") if token.kind == "sign" else 0
            run = run + 1 if token.text in ("~", "-") else 0
            if max(depth, run) > _NESTING:
                raise self.fail(f"more than {_NESTING} levels of nesting", token)

    @property
    def next(self) -> _Token:
        return self.tokens[self.index]

    def fail(self, problem: str, token: _Token | None = None) -> WordSyntaxError:
        return WordSyntaxError(self.text, (token or self.next).position, problem)

    def accept(self, *texts: str) -> _Token | None:
        token = self.next
        if token.kind in ("sign", "name") and token.text in texts:
            self.index += 1
            return token
        return None

    def take(self, text: str, problem: str) -> None:
        if not self.accept(text):
            raise self.fail(problem)

    def expect_end(self, for_equals: str) -> None:
        if self.next.kind == "end":
            return
        if self.next.text in _SIGNS:
            raise self.fail(for_equals)
        if self.next.text == ")":
            raise self.fail("this ')' closes nothing")
        raise self.fail("expected '*' between two augmentations")

    def phrase(self, phrases: Mapping[Item, str], before: str) -> Item:
        """The one of some phrases that the rest of the text is."""
        rest = " ".join(token.text for token in self.tokens[self.index :]).strip()
        for meaning, phrase in phrases.items():
            if rest == phrase:
                self.index = len(self.tokens) - 1
                return meaning
        raise self.fail(f"{before} {', '.join(map(repr, phrases.values()))}")

    def word(self) -> Word:
        start = self.next
        factors = [self.power()]
        while self.accept("*"):
            factors.append(self.power())
        return factors[0] if len(factors) == 1 else self.counted(product(factors), start)

    def power(self) -> Word:
        if self.accept("~"):
            return ~self.power()
        start = self.next
        word = self.atom()
        if self.accept("^", "**"):
            word = self.guarded(start, self.exponent(), word)
        if self.next.text in ("^", "**"):  # which Python reads from the right, and a reader from the left
            raise self.fail("two exponents in a row; write one, or brackets as in (a^2)^3")
        return word

    def guarded(self, start: _Token, exponent: int, base: Word) -> Word:
        try:
            return self.counted(base**exponent, start)
        except WordSyntaxError:
            raise
        except AugalgebraError as error:
            raise self.fail(str(error), start) from None

    def counted(self, word: Word, start: _Token) -> Word:
        """The word, unless what was put together so far takes too long."""
        self.work += len(word.syllables)
        if self.work > _WORK:
            raise self.fail(f"this makes more than {_WORK} letters, those in brackets counted once more", start)
        return word

    def exponent(self) -> int:
        bracket = self.accept("(")
        negative = self.accept("-")
        token = self.next
        if token.kind != "number" or not token.text.isdigit():
            raise self.fail("an exponent is a whole number, such as 2 or -1")
        if len(token.text) > _NUMBER_SIZE:
            raise self.fail("this exponent is too large")
        self.index += 1
        if bracket:
            self.take(")", "expected ')' after the exponent")
        return -int(token.text) if negative else int(token.text)

    def atom(self) -> Word:
        if self.accept("("):
            word = self.word()
            self.take(")", "expected ')'")
            return word
        token = self.next
        if token.kind != "name":
            what = "the text ends here" if token.kind == "end" else f"unexpected {token.text!r}"
            raise self.fail(f"expected an augmentation's name; {what}")
        self.index += 1
        if token.text == "id":
            if self.next.text == "(":
                raise self.fail("id takes no parameters")
            return IDENTITY
        args, kwargs = self.arguments() if self.accept("(") else ((), ())
        return Word(((Symbol(token.text, args, kwargs), 1),))

    def arguments(self) -> tuple[tuple[Value, ...], tuple[tuple[str, Value], ...]]:
        args: list[Value] = []
        kwargs: dict[str, Value] = {}
        while not self.accept(")"):
            token, after = self.next, self.tokens[min(self.index + 1, len(self.tokens) - 1)]
            if token.kind == "name" and after.text == "=":
                self.index += 2
                if token.text in kwargs:
                    raise self.fail(f"{token.text} is given twice", token)
                kwargs[token.text] = self.value()
            elif kwargs:
                raise self.fail("a parameter without a name cannot follow a named one")
            else:
                args.append(self.value())
            if not self.accept(","):
                self.take(")", "expected ',' or ')' after a parameter")
                break
        return tuple(args), tuple(sorted(kwargs.items()))

    def value(self) -> Value:
        token = self.next
        if token.kind == "text":
            self.index += 1
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.kind == "name" and token.text in _CONSTANTS:
            self.index += 1
            return _CONSTANTS[token.text]
        return self.sum()

    def sum(self) -> Value:
        result = self.product()
        while sign := self.accept("+", "-"):
            operation = expressions.add if sign.text == "+" else _subtract
            result = self.arithmetic(operation, result, self.product(), sign)
        return result

    def product(self) -> Value:
        result = self.unary()
        while sign := self.accept("*", "/"):
            operation = expressions.multiply if sign.text == "*" else expressions.divide
            result = self.arithmetic(operation, result, self.unary(), sign)
        return result

    def unary(self) -> Value:
        if sign := self.accept("-"):
            return self.arithmetic(expressions.multiply, Fraction(-1), self.unary(), sign)
        token = self.next
        if self.accept("("):
            return self.bracketed()
        self.index += 1
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name" and self.variables:
            return expressions.variable(token.text)
        self.index -= 1
        wanted = "a number, text in quotes, or a variable" if self.variables else "a number or text in quotes"
        raise self.fail(f"a parameter must be {wanted}")

    def number(self, token: _Token) -> Fraction:
        _, _, power = token.text.lower().partition("e")
        if len(token.text) > _NUMBER_SIZE or abs(int(power or "0")) > _NUMBER_SIZE:
            raise self.fail(f"this number has more than {_NUMBER_SIZE} digits", token)
        return Fraction(token.text)

    def bracketed(self) -> Value:
        items: list[Value] = []
        comma = False
        while not self.accept(")"):
            items.append(self.value())
            if not self.accept(","):
                self.take(")", "expected ')'")
                break
            comma = True
        return items[0] if len(items) == 1 and not comma else tuple(items)

    def arithmetic(
        self,
        operation: Callable[[Fraction | Expression, Fraction | Expression], Fraction | Expression],
        left: Value,
        right: Value,
        sign: _Token,
    ) -> Value:
        numbers = [item for item in (left, right) if isinstance(item, Fraction | Expression)]
        if len(numbers) != 2:
            raise self.fail(f"{sign.text!r} works on numbers only", sign)
        try:
            return operation(*numbers)
        except (ValueError, ZeroDivisionError) as error:
            raise self.fail(str(error), sign) from None


def _subtract(left: Fraction | Expression, right: Fraction | Expression) -> Fraction | Expression:
    return expressions.add(left, expressions.negate(right))
