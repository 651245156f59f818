"""What has to be computed to measure some words, each thing once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from augalgebra.algebra.words import Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import Operator, Operators, unit_codes
from augalgebra.consistency.cases import Case, Relabelling, exact_form, refuse_singular
from augalgebra.consistency.report import NoInverse
from augalgebra.errors import NotInvertibleError
from augalgebra.latent.protocol import LatentSpace


@dataclass(frozen=True)
class Task:
    """A case, resolved into what is encoded, moved and compared.

    Attributes:
        case: The words as they were asked for.
        route: The word whose operator moves the codes.
        source: The word of the images that are encoded.
        goal: The word of the images whose codes are aimed at.
        target: The word of the images that the decoded codes are scored against.
        move: Index of the source and operator in `Plan.moves`.
        trivial: Whether the laws reduce the route to doing nothing.
    """

    case: Case
    route: Word
    source: Word
    goal: Word
    target: Word
    move: int
    trivial: bool


@dataclass(frozen=True)
class Work:
    """What has to be done with each batch of images; it can be sent to other processes.

    Attributes:
        direct: As in `Plan`, like all that follow.
        moves: Pairs of a source and the operator that its codes are moved by.
        targets: For each move, the images that what it draws is scored against.
        goals: For each move, the codes that it is compared with.
        swaps: Move and target of both orders of a pair.
    """

    direct: tuple[tuple[Word, Word], ...]
    moves: tuple[tuple[Word, Operator], ...]
    targets: tuple[tuple[Word, ...], ...]
    goals: tuple[tuple[Word, ...], ...]
    swaps: tuple[tuple[int, Word, int, Word], ...]


class Plan:
    """The tasks that some cases come down to.

    Words are replaced by their normal form under the exact laws, so that equal views are encoded once. Operators that
    agree to 1e-6 from one source are applied once.

    Args:
        operators: Knows the operator of a word.
        catalog: Knows the laws.
        space: The latent space that they act on.
        relabelling: The trained words that new augmentations stand for.
        words: All words that the cases will be made of.

    Attributes:
        tasks: What can be measured, in the order of the cases.
        swaps: Tasks for both orders of a pair.
        moves: Pairs of a source and the operator that its codes are moved by.
        targets: For each move, the images that what it draws is scored against.
        goals: For each move, the codes that it is compared with.
        direct: Pairs of an encoded view and the image that its direct decoding is scored against.
        names: The shortest word of each view whose floor is measured, by what is encoded and compared.
    """

    def __init__(
        self,
        operators: Operators,
        catalog: Catalog,
        space: LatentSpace,
        relabelling: Relabelling,
        words: Sequence[Word],
    ) -> None:
        self.operators, self.catalog, self.relabelling = operators, catalog, relabelling
        self.dim, self.image_shape = space.dim, space.image_shape
        self._system = catalog.system(*words, *map(relabelling, words))
        self.tasks: list[Task] = []
        self.swaps: list[tuple[Task, Task]] = []
        self.moves: list[tuple[Word, Operator]] = []
        self.targets: list[dict[Word, None]] = []
        self.goals: list[dict[Word, None]] = []
        self.direct: dict[tuple[Word, Word], None] = {}
        self.names: dict[tuple[Word, Word], Word] = {}
        self._invertible: set[Symbol] = set()
        self._move_index: dict[tuple[Word, bytes], int] = {}
        self._operators: dict[Word, tuple[Operator, bytes]] = {}
        self._forms: dict[Word, Word] = {}
        self._refused: dict[tuple[Word, str], list[Word]] = {}

    def add(self, cases: Iterable[Case]) -> None:
        """Plan some cases; those that would undo what has no inverse are noted instead."""
        for case in cases:
            try:
                self.tasks.append(self._task(case))
            except NotInvertibleError as error:
                self._refused.setdefault((case.view, str(error)), []).append(case.word)

    def add_swap(self, one: Case, other: Case) -> None:
        """Plan to compare two orders, each also with the image of the other.

        Raises:
            NotInvertibleError: One of them would undo what has no inverse.
        """
        first, second = self._task(one), self._task(other)
        self.targets[first.move][second.target] = None
        self.targets[second.move][first.target] = None
        self.swaps.append((first, second))

    def _task(self, case: Case) -> Task:
        self._refuse_singular(case.route)
        route = self.relabelling(case.route)
        source, target = self._form(self.relabelling(case.view)), self._form(case.word)
        goal = self._form(self.relabelling(case.word))
        for word in (source, goal, target):
            self.catalog.spelt_out(word)  # raises where a view undoes what has no inverse
        operator, key = self._operator(route)
        if (source, key) not in self._move_index:
            self._move_index[source, key] = len(self.moves)
            self.moves.append((source, operator))
            self.targets.append({})
            self.goals.append({})
        move = self._move_index[source, key]
        self.targets[move][target] = None
        self.goals[move][goal] = None
        self.direct[source, target] = self.direct[goal, target] = None
        known = self.names.get((goal, target))
        if known is None or case.word.length < known.length:
            self.names[goal, target] = case.word
        return Task(case, route, source, goal, target, move, self._trivial(case.route))

    def _trivial(self, route: Word) -> bool:
        try:
            return not self._system.normal_form(route)
        except NotInvertibleError:
            return False

    @property
    def work(self) -> Work:
        """What has to be done with each batch of images."""
        return Work(
            tuple(self.direct),
            tuple(self.moves),
            tuple(map(tuple, self.targets)),
            tuple(map(tuple, self.goals)),
            tuple((one.move, one.target, other.move, other.target) for one, other in self.swaps),
        )

    def _refuse_singular(self, route: Word) -> None:
        undone = {symbol for symbol, inverse in route.letters if inverse}
        if not undone <= self._invertible:
            refuse_singular(self.catalog, route)
            self._invertible |= undone

    def _form(self, word: Word) -> Word:
        if word not in self._forms:
            self._forms[word] = exact_form(self._system, word)
        return self._forms[word]

    def _operator(self, route: Word) -> tuple[Operator, bytes]:
        """The operator of a word, and a key that operators share if they agree to 1e-6."""
        if route not in self._operators:
            operator = self.operators.operator(route)
            rounded = (operator.apply(unit_codes(self.dim)).double() * 1e6).round() + 0.0  # no negative zeros
            self._operators[route] = operator, rounded.numpy().tobytes()
        return self._operators[route]

    @property
    def no_inverse(self) -> tuple[NoInverse, ...]:
        """What was refused, by view."""
        show = self.catalog.display
        return tuple(
            NoInverse(show(view), len(view), tuple(show(word) for word in words), reason)
            for (view, reason), words in self._refused.items()
        )
