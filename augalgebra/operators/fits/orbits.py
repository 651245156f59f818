"""Which of the encoded views an operator connects, and what they say about a whole group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.errors import OrbitError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import PairMoments, ViewMoments
from augalgebra.operators.fits.ridge import least_squares
from augalgebra.operators.fits.whitening import Whitening
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.finite_group import FiniteGroup

Pairs = list[tuple[Word, Word]]


def pair_views(views: Sequence[Word], system: RewritingSystem, operator: Word) -> Pairs:
    """All pairs of views (h, k) with h · operator = k by the laws."""
    by_form = {system.normal_form(view): view for view in views}
    targets = [(view, by_form.get(system.normal_form(view * operator))) for view in views]
    return [(view, target) for view, target in targets if target is not None]


@dataclass(frozen=True, eq=False)
class GroupOrbit:
    """The moments of a group: one matrix for each of its elements, in whitened coordinates.

    Attributes:
        group: The group.
        whitening: The coordinates.
        operators: M, ``[n, d, d]``; zero for an element that connects no two views.
        sources: Second moment of the views that each element was measured on, ``[n, d, d]``; the identity if closed.
        weights: Number of pairs of views that each element connects, ``[n]``.
        missing: Views that closed orbits would need and that were not encoded.
    """

    group: FiniteGroup
    whitening: Whitening
    operators: Array
    sources: Array
    weights: Array
    missing: tuple[Word, ...]

    @property
    def closed(self) -> bool:
        """Whether the views were closed under the group."""
        return not self.missing

    @classmethod
    def of(
        cls,
        moments: ViewMoments,
        group: FiniteGroup,
        system: RewritingSystem,
        *,
        centred: bool = False,
        ridge: float = 0.0,
        partial: bool = False,
    ) -> "GroupOrbit":
        """Gather them.

        Views that belong to a closed orbit are used if there are any. Otherwise, if that is allowed, whatever pairs
        there are: S and the centre are then averaged over the group by way of least-squares operators, since an
        average over some views would prefer those.

        Args:
            moments: The encodings.
            group: The group.
            system: Recognises equal words.
            centred: Measure from the centre of the orbit rather than from the origin.
            ridge: Added to S, as a fraction of its mean eigenvalue.
            partial: Whether views that are not closed will do.

        Raises:
            OrbitError: The views are not closed, or do not even connect by every generator.
            RankError: The encodings do not span the latent space.
        """
        own = {view: system.normal_form(view) for view in moments.words}
        views = {form: view for view, form in own.items()}
        elements = [system.normal_form(element) for element in group.elements]
        rows = {form: [elements[number] for number in row] for form, row in zip(elements, group.table, strict=True)}
        orbits = {  # the table says it of a view that is an element of the group; to reduce so many long words is slow
            view: rows.get(form) or [system.normal_form(view * element) for element in group.elements]
            for view, form in own.items()
        }
        closed = [view for view in moments.words if all(form in views for form in orbits[view])]
        missing: tuple[Word, ...] = ()
        if not closed:
            start = IDENTITY if IDENTITY in moments else moments.words[0]
            forms = zip(orbits[start], group.elements, strict=True)
            missing = tuple(start * element for form, element in forms if form not in views)
            if not partial:
                raise OrbitError(
                    f"the views {_listed(moments.words)} are not closed under {_listed(group.generators)}: "
                    f"{_listed(missing)} would be needed too; encode them, or fit the operators one by one"
                )
        used = closed or list(moments.words)
        pairs = [
            [(view, views[form]) for view in used if (form := orbits[view][number]) in views]
            for number in range(len(group))
        ]
        for word, number in group.generators.items():
            if not pairs[number]:
                raise OrbitError(
                    f"no two of the views {_listed(moments.words)} are connected by {word}; encode the view {word} too"
                )
        if closed:
            whitening = Whitening.of_views(moments, closed, centred=centred, ridge=ridge)
        else:
            whitening = _averaged(moments, group, pairs, centred=centred, ridge=ridge)
        operators, sources = np.zeros((2, len(group), moments.dim, moments.dim))
        for number, connections in enumerate(pairs):
            if connections:
                operators[number] = whitening.cross(moments, connections)
                sources[number] = whitening.cross(moments, [(source, source) for source, _ in connections])
        weights = np.array([len(connections) for connections in pairs], dtype=np.float64)
        return cls(group, whitening, operators, sources, weights, missing)


def _averaged(
    moments: ViewMoments, group: FiniteGroup, pairs: Sequence[Pairs], *, centred: bool, ridge: float
) -> Whitening:
    """The whitening by a second moment that is carried through the whole group by least-squares operators."""
    letters = {
        word: least_squares(PairMoments.pooled(moments, pairs[number], centred=centred)).map
        for word, number in group.generators.items()
    }
    views = sorted({view for connections in pairs for pair in connections for view in pair}, key=str)
    origin = np.zeros(moments.dim)
    second = np.zeros((moments.dim + 1, moments.dim + 1))
    for view in views:
        mean = moments.mean(view) if centred else origin
        second[:-1, :-1] += moments.about(origin, view, view) / len(views)
        second[:-1, -1] += mean / len(views)
    second[-1, :-1], second[-1, -1] = second[:-1, -1], 1.0
    carried = np.zeros_like(second)
    for element in group.elements:
        steps = [letters[Word(((letter.symbol, 1),))] for letter in element.letters]
        lifted = AffineMap.product(steps, moments.dim).homogeneous
        carried += lifted.T @ second @ lifted / len(group)
    centre = carried[-1, :-1]
    return Whitening.of_second_moment(carried[:-1, :-1] - np.outer(centre, centre), centre, ridge=ridge)


def _listed(words: Iterable[Word]) -> str:
    names = [str(word) for word in words]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
