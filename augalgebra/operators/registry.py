"""The registry: the operators of one latent space, and how more are fitted and added."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import FitError, ParameterError, UnknownNameError
from augalgebra.operators.families import FamilyFit, find_family, fit_family
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.charts import Chart
from augalgebra.operators.fits.choice import Plan, choose, exact_period
from augalgebra.operators.fits.fitting import FitOptions, FitResult, KnownGroup, fit_plan
from augalgebra.operators.fits.moments import ArrayLike, ViewMoments, to_numpy
from augalgebra.operators.fits.orbits import Pairs, pair_views
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.representation import Representation
from augalgebra.operators.lookup import Entry, FamilyEntry, OperatorTable
from augalgebra.operators.operator import Factor, Operator, Readout
from augalgebra.operators.provenance import Provenance, origin
from augalgebra.operators.residuals import LatentResidual, latent_residual, residual_on_codes

EXACT = 1e-8
"""Relation residual below which operators count as a representation of their group."""


class EncodedSpace(Protocol):
    """What is needed of a latent space."""

    @property
    def dim(self) -> int:
        """Number of latent coordinates."""

    def fingerprint(self) -> str:
        """A digest of the encoder."""


class OperatorRegistry(OperatorTable):
    """The operators of one latent space, by word, with where each comes from.

    Works for anything that encodes: it needs to know the number of coordinates, a digest of the encoder, and moments of
    encoded views.

    Examples:
        Fit two flips and look at a product::

            registry = OperatorRegistry.of(space, catalog)
            registry.fit(moments, ["flip_lr", "flip_ud"])
            moved = registry.operator("flip_lr * flip_ud").apply(space.encode(images))
    """

    @classmethod
    def of(cls, space: EncodedSpace, catalog: Catalog) -> "OperatorRegistry":
        """An empty registry for a latent space."""
        return cls(space.dim, space.fingerprint(), catalog)

    def fit(
        self,
        moments: ViewMoments,
        operators: Iterable[str | Word],
        fit: str | None = None,
        options: FitOptions | None = None,
        *,
        samples: ArrayLike | None = None,
        replace_existing: bool = False,
    ) -> tuple[Plan, ...]:
        """Fit operators, by what the laws allow or as named, and keep them; others stay bit for bit as they are.

        Args:
            moments: Encodings of the views.
            operators: Words of one letter.
            fit: Name of a fit; see `augalgebra.operators.fits.choice.FITS`.
            options: Settings of fits.
            samples: The encodings themselves, for the published fit and for flows, which learn from them.
            replace_existing: Whether operators that are there already may be replaced.

        Returns:
            What was done, with the reasons.

        Raises:
            FitError: There is no such fit, the laws do not allow it, or an operator is there already.
            MomentsError: The views do not suffice.
        """
        self._check(moments)
        words = list(dict.fromkeys(self._single(word) for word in operators))
        for word in words:
            self._refuse_replacing(word, replace_existing)
        known = self.known_group(without=words)
        plans = choose(self.catalog, words, fit, apart=known is not None, readout=bool(options and options.readout))
        # nothing is kept before everything has been fitted
        fresh = []
        for plan in plans:
            fitted = fit_plan(plan, moments, self.catalog, options, known=known, samples=samples)
            fresh.append((plan, fitted))
            if plan.group is not None and known is None and fitted.chart is None:
                known = KnownGroup(plan.group, _products(plan.group, fitted.maps, self.dim))
        for plan, fitted in fresh:
            self._keep(fitted, plan, moments, samples)
        return plans

    def _keep(self, fitted: FitResult, plan: Plan, moments: ViewMoments, samples: ArrayLike | None) -> None:
        last = None
        if fitted.readout is not None:
            names = ", ".join(str(word) for word in fitted.maps)
            last = Readout(f"readout({names})", fitted.readout)
        known = self.known_group(without=fitted.maps)
        for word, operator in fitted.maps.items():
            details = {"reason": plan.reason, **fitted.details.get(word, {})}
            if fitted.chart is not None and samples is not None:
                self._put_curved(word, operator, fitted.chart, fitted.fit, details, moments.words, samples)
                continue
            if known is not None and plan.group is None and exact_period(self.catalog, word) is not None:
                details |= self._joined(known, word, operator)
            self._put(word, operator, fitted.fit, details, last, moments, fitted.pairs[word])

    def _joined(self, known: KnownGroup, word: Word, operator: AffineMap) -> dict[str, Any]:
        """The generators of the group that a new operator makes with the exact ones there are, if it fits to them."""
        generators = (*known.group.generators, word)
        group = FiniteGroup.closure(self.catalog.system(*generators).exact, generators)
        if group is None:
            return {}
        maps = {item: self.entries[item].map for item in known.group.generators} | {word: operator}
        products = _products(group, maps, self.dim)
        for number, product in enumerate(products):
            for item, generator in group.generators.items():
                if (product @ maps[item]).distance(products[group.table[number, generator]]) > EXACT:
                    return {}
        return {"generators": [str(item) for item in generators]}

    def set_matrices(
        self,
        operators: Representation | Mapping[Word, Array],
        *,
        fit: str = "structured",
        moments: ViewMoments | None = None,
        replace_existing: bool = False,
    ) -> None:
        """Keep matrices that were given rather than fitted, such as those that an encoder was trained around.

        Args:
            operators: A representation, or a matrix ``[latent, latent]`` for each word of one letter.
            fit: What to call where they come from.
            moments: Encodings of views, on which to measure them.
            replace_existing: Whether operators that are there already may be replaced.

        Raises:
            FitError: A matrix has another size or is not finite, or an operator is there already.
        """
        if moments is not None:
            self._check(moments)
        details: dict[str, Any] = {}
        if isinstance(operators, Representation):
            details["generators"] = [str(word) for word in operators.generators]
            details["multiplicities"] = list(operators.multiplicities)
            operators = operators.generators
        # nothing is kept before everything has been looked at
        fresh: dict[Word, Array] = {}
        for word, matrix in operators.items():
            if matrix.shape != (self.dim, self.dim) or not np.isfinite(matrix).all():
                raise FitError(
                    f"the matrix of {word} has shape {list(matrix.shape)}; this latent space needs "
                    f"{self.dim}×{self.dim} finite numbers"
                )
            single = self._single(word)
            self._refuse_replacing(single, replace_existing)
            fresh[single] = np.array(matrix, dtype=np.float64)
        for word, matrix in fresh.items():
            pairs: Pairs = []
            if moments is not None:
                pairs = pair_views(moments.words, self.catalog.system(*moments.words, word), word)
            self._put(word, AffineMap.linear(matrix), fit, details, None, moments if pairs else None, pairs)

    def fit_family(
        self,
        moments: ViewMoments,
        member: str | Word,
        options: FitOptions | None = None,
        *,
        invertible: bool | None = None,
        refine: bool = True,
        period: float | None = None,
        replace_existing: bool = False,
    ) -> FamilyFit:
        """Fit one generator to all members of a one-parameter family among the views, and keep it.

        Args:
            moments: Encodings of the views.
            member: Any member; its other parameters are those of the family.
            options: Settings of fits.
            invertible: Whether members are undone by members; by default what the laws say.
            refine: See `augalgebra.operators.families.fit_family`.
            period: The parameter at which the family returns to the identity, to make that exact.
            replace_existing: Whether a family that is there already may be replaced.

        Raises:
            FitError: No law makes it a one-parameter family, or it is there already.
            MomentsError: The views do not suffice.
        """
        self._check(moments)
        options = options or FitOptions()
        word = self._single(member)
        family = find_family(self.catalog.laws, word.letters[0].symbol)
        if family.key in self.families and not replace_existing:
            raise FitError(f"{family.key} has operators already; remove them, or say that they may be replaced")
        if invertible is None:
            invertible = queries.inverse(self.catalog.system(word), word).kind == "two-sided"
        fit = fit_family(
            moments,
            family,
            invertible=invertible,
            refine=refine,
            period=period,
            centred=options.centred,
            ridge=options.ridge or 0.0,
            seed=options.seed,
        )
        residuals = [
            latent_residual(fit.operator(parameter), moments, [(source, target)])
            for parameter, source, target in fit.pairs
        ]
        details = {
            "scale": family.scale,
            "invertible": invertible,
            "refined": not invertible or (refine and period is None),
            "fitted_on": list(fit.parameters),
            "highest_frequency": fit.highest,
            "frequency_limit": fit.limit,
            "ambiguous": fit.ambiguous,
            "period": period,
        }
        provenance = self._provenance(
            family.key,
            "one-parameter family",
            Operator.of(fit.operator(1.0), label=family.key),
            details,
            moments.count,
            LatentResidual(*np.mean([[item.residual, item.identity] for item in residuals], axis=0)),
        )
        self.add(FamilyEntry(family, fit.operator, provenance))
        return fit

    def _put(
        self,
        word: Word,
        operator: AffineMap,
        fit: str,
        details: Mapping[str, Any],
        readout: Readout | None,
        moments: ViewMoments | None,
        pairs: Pairs,
    ) -> None:
        measured = Operator.of(operator if readout is None else operator @ readout.map, word)
        error = None if moments is None else latent_residual(measured.affine, moments, pairs)
        images = 0 if moments is None else moments.count
        provenance = self._provenance(str(word), fit, measured, details, images, error)
        self.add(Entry(word, operator, provenance, readout))

    def _put_curved(
        self,
        word: Word,
        operator: AffineMap,
        chart: Chart,
        fit: str,
        details: Mapping[str, Any],
        views: Sequence[Word],
        samples: ArrayLike,
    ) -> None:
        codes = to_numpy(samples)
        measured = Operator(self.dim, (Factor(operator, str(word), chart=chart),), word, str(word))
        pairs = pair_views(views, self.catalog.system(*views, word), word)
        error = residual_on_codes(measured, codes, views, pairs)
        # rank and condition are those in the coordinates of the chart
        straight = Operator.of(operator, word)
        provenance = self._provenance(str(word), fit, straight, details, codes.shape[1], error)
        self.add(Entry(word, operator, provenance, chart=chart))

    def replace_chart(
        self, words: Iterable[Word], chart: Chart, views: Sequence[Word], samples: ArrayLike, details: Mapping[str, Any]
    ) -> None:
        """Put a better chart in place of the one that some operators share.

        Args:
            words: All operators that share it.
            chart: The better one.
            views: The view of each row of the samples.
            samples: Codes ``[view, image, latent]``, on which to measure the operators.
            details: What else there is to know, beside what is known of each already; fit for JSON.
        """
        for word in words:
            entry = self.entries[word]
            known = {**entry.provenance.details, **details}
            self._put_curved(word, entry.map, chart, entry.provenance.fit, known, views, samples)

    def _provenance(
        self,
        word: str,
        fit: str,
        operator: Operator,
        details: Mapping[str, Any],
        images: int,
        error: LatentResidual | None,
    ) -> Provenance:
        name = word.partition("(")[0]
        where = origin(self.catalog, name)
        return Provenance(
            word,
            name,
            where.plugin,
            where.version,
            where.laws,
            self.fingerprint,
            fit,
            images,
            None if error is None else error.residual,
            None if error is None else error.identity,
            operator.rank,
            operator.condition,
            details,
        )

    def _refuse_replacing(self, word: Word, replace_existing: bool) -> None:
        if word in self.entries and not replace_existing:
            raise FitError(
                f"{self.catalog.display(word)} has an operator already; remove it, or say that it may be replaced"
            )

    def _check(self, moments: ViewMoments) -> None:
        if moments.dim != self.dim:
            raise FitError(
                f"these encodings have {moments.dim} coordinates, but this registry is for {self.dim}; "
                "they come from another latent space"
            )

    def _single(self, word: str | Word) -> Word:
        canonical = self.catalog.word(word)
        if canonical.length != 1 or canonical.letters[0].inverse:
            raise FitError(
                f"{self.catalog.display(canonical)} is no single augmentation; fit those it is made of, "
                "and the registry multiplies them"
            )
        return canonical

    def elements(self, group: FiniteGroup) -> tuple[AffineMap, ...]:
        """The map of each element of a group whose generators have operators, readouts aside."""
        return _products(group, {word: self.entries[word].map for word in group.generators}, self.dim)

    def replace(
        self,
        maps: Mapping[Word, AffineMap],
        readout: AffineMap,
        moments: ViewMoments,
        *,
        fit: str,
        details: Mapping[str, Any],
    ) -> None:
        """Put better maps, with one readout, in place of operators that are there.

        Args:
            maps: The map of each of them.
            readout: What is applied once after them.
            moments: Encodings of views, on which to measure them.
            fit: What to call where they come from.
            details: What else there is to know, beside what is known of each already; fit for JSON.
        """
        self._check(moments)
        last = Readout(f"readout({', '.join(map(str, maps))})", readout)
        for word, operator in maps.items():
            known = self.entries[word].provenance.details
            pairs = pair_views(moments.words, self.catalog.system(*moments.words, word), word)
            self._put(word, operator, fit, {**known, **details}, last, moments, pairs)

    def known_group(self, without: Iterable[Word] = ()) -> KnownGroup | None:
        """The largest finite group of exact operators, for new ones to go together with."""
        left_out = set(without)
        sets: set[tuple[Word, ...]] = set()
        for entry in self.entries.values():
            with suppress(UnknownNameError, ParameterError):  # of a plugin that is gone, or has changed
                sets.add(tuple(self.catalog.word(text) for text in entry.provenance.details.get("generators", ())))
        # what is linear in other coordinates only has no matrices that others could go together with
        linear = {word for word, entry in self.entries.items() if entry.chart is None}
        usable = [words for words in sets if words and not left_out.intersection(words) and linear >= set(words)]
        for words in sorted(usable, key=lambda item: (-len(item), str(item))):
            group = FiniteGroup.closure(self.catalog.system(*words).exact, words)
            if group is not None:
                maps = {word: self.entries[word].map for word in words}
                return KnownGroup(group, _products(group, maps, self.dim))
        return None


def _products(group: FiniteGroup, maps: Mapping[Word, AffineMap], dim: int) -> tuple[AffineMap, ...]:
    """The map of each element of a group, from those of its generators."""
    letters = {word.letters[0]: operator for word, operator in maps.items()}
    return tuple(AffineMap.product((letters[letter] for letter in element.letters), dim) for element in group.elements)
