import numpy as np
import pytest
from scipy import linalg

from augalgebra import Augmentation, Catalog, Law, parse_law, parse_word
from augalgebra.errors import FitError, MomentsError
from augalgebra.operators import OperatorRegistry, ViewMoments
from augalgebra.operators.families import find_family, fit_family
from augalgebra.operators.fits.one_parameter import (
    Sample,
    free_generator,
    highest_frequency,
    logarithmic_start,
    orthogonal_generator,
)
from augalgebra.operators.fits.orthogonal import rotation
from augalgebra.operators.groups.arrays import random_orthogonal
from augalgebra.parameters import Param

DIM = 7


def catalog(*laws: str | Law) -> Catalog:
    def same(x, a=0.0, b=0.0):
        return x

    params = (Param("a", 0.0), Param("b", 0.0))
    augmentations = {f"test.{name}": Augmentation(f"test.{name}", same, params) for name in ("turn", "scale", "blur")}
    return Catalog(augmentations, [law if isinstance(law, Law) else parse_law(law, owner="test.turn") for law in laws])


ADDITIVE = ("turn(a, b) * turn(c, b) = turn(a + c, b)", "turn(0, b) = id")
MULTIPLICATIVE = ("scale(a, 0) * scale(b, 0) = scale(a * b, 0)", "scale(1, 0) = id")


def skew(frequencies, seed=0):
    V = random_orthogonal(DIM, np.random.default_rng(seed))
    blocks = [frequency * np.array([[0.0, 1.0], [-1.0, 0.0]]) for frequency in frequencies]
    return V @ linalg.block_diag(*blocks, [[0.0]]) @ V.T


def encoded(A, parameters, words, noise=0.0, seed=1):
    """Views moved by exp(θ A) about a centre, seen through a random linear map."""
    generator = np.random.default_rng(seed)
    S = random_orthogonal(DIM, generator) * np.exp(generator.uniform(-1, 1, DIM))
    originals, centre = generator.standard_normal((800, DIM)), generator.standard_normal(DIM)
    latents = np.stack([centre + originals @ linalg.expm(t * A) @ S for t in parameters])
    latents += noise * generator.standard_normal(latents.shape)
    moments = ViewMoments(words, DIM)
    moments.add(latents)
    return moments, latents


def turns(parameters, name="turn"):
    bound = catalog(*ADDITIVE, *MULTIPLICATIVE)
    return [bound.word(f"{name}({t}, 0)" if t else "id") for t in parameters]


class TestGenerators:
    def test_planted_frequencies_are_found_from_several_angles_together(self):
        A = skew([0.01, 0.05, 0.09])
        samples = [Sample(t, np.eye(DIM), linalg.expm(t * A), 1.0) for t in (-60.0, -30.0, 30.0, 60.0)]
        # 0.09 · 60 is more than half a circle: one angle alone would be mistaken
        found = orthogonal_generator(samples)
        np.testing.assert_allclose(-found, found.T, atol=1e-9)
        np.testing.assert_allclose(A, found, atol=1e-6)

    @pytest.mark.parametrize("angles", [(45.0, 46.0), (30.0, 30.5), (90.0, 91.0)])
    def test_they_are_found_from_angles_that_lie_close_together(self, angles):
        A = skew(np.pi / 180 * np.array([1.0, 2.0, 3.0]))
        samples = [Sample(t, np.eye(DIM), linalg.expm(t * A), 1.0) for t in angles]
        np.testing.assert_allclose(A, orthogonal_generator(samples), atol=1e-6)

    def test_a_plane_turned_by_exactly_half_a_circle_is_found(self):
        A = skew([np.pi / 30, 0.02, 0.0])
        samples = [Sample(t, np.eye(DIM), linalg.expm(t * A), 1.0) for t in (30.0, 60.0)]
        found = orthogonal_generator(samples)
        for t in (30.0, 60.0, 90.0):
            np.testing.assert_allclose(linalg.expm(t * A), linalg.expm(t * found), atol=1e-6)

    def test_it_is_found_though_its_two_axes_were_measured_unequally(self):
        samples = [
            Sample(t, np.eye(5), linalg.block_diag(sign * np.diag([1.0, 0.7]), rotation(t / 50), [[0.9]]), 1.0)
            for t, sign in ((30.0, -1.0), (60.0, 1.0))
        ]
        found = orthogonal_generator(samples)
        np.testing.assert_allclose(-np.eye(2), linalg.expm(30 * found)[:2, :2], atol=1e-6)
        np.testing.assert_allclose(rotation(1.0), linalg.expm(50 * found)[2:4, 2:4], atol=1e-6)

    def test_a_period_rounds_the_frequencies(self):
        A = skew(2 * np.pi / 360 * np.array([1.02, 1.98, 3.0]))
        samples = [Sample(t, np.eye(DIM), linalg.expm(t * A), 1.0) for t in (-30.0, 30.0)]
        found = orthogonal_generator(samples, period=360.0)
        np.testing.assert_allclose(np.eye(DIM), linalg.expm(360 * found), atol=1e-9)
        np.testing.assert_allclose(
            2 * np.pi / 360 * np.array([1, 2, 3]),
            np.unique(np.abs(np.linalg.eigvals(found).imag).round(9))[1:],
            atol=1e-8,
        )

    def test_the_limit_of_frequencies_is_set_by_the_closest_angles(self):
        assert highest_frequency(np.array([-60.0, -30.0, 30.0, 60.0])) == pytest.approx(np.pi / 30)
        assert highest_frequency(np.array([30.0, 40.0])) == pytest.approx(np.pi / 10)

    def test_the_logarithm_that_a_free_fit_starts_from_is_that_of_the_smallest_parameter(self):
        A = skew([0.01, 0.05, 0.09]) - 0.02 * np.eye(DIM)
        S = np.diag(np.linspace(0.5, 2, DIM))
        samples = [Sample(t, S, S @ linalg.expm(t * A), 1.0) for t in (60.0, 20.0)]
        np.testing.assert_allclose(A, logarithmic_start(samples, ridge=0.0), atol=1e-9)

    def test_a_free_generator_is_at_a_minimum(self):
        generator = np.random.default_rng(0)
        A = -0.3 * np.eye(DIM) + 0.1 * generator.standard_normal((DIM, DIM))
        S = np.diag(generator.uniform(0.5, 2, DIM))
        samples = [Sample(t, S, S @ linalg.expm(t * A), 1.0) for t in (1.0, 2.0)]
        found = free_generator(samples, A + 0.05 * generator.standard_normal((DIM, DIM)))
        np.testing.assert_allclose(A, found, atol=1e-3)


class TestFamilies:
    def test_additive_and_multiplicative_laws_are_recognised(self):
        bound = catalog(*ADDITIVE, *MULTIPLICATIVE)
        turn = find_family(bound.laws, bound.word("turn(30, 2)").letters[0].symbol)
        assert (turn.key, turn.position, turn.scale) == ("test.turn(·, 2)", 0, "additive")
        assert turn.parameter(bound.word("turn(-45, 2)").letters[0].symbol) == -45.0
        assert turn.parameter(bound.word("turn(30, 3)").letters[0].symbol) is None
        scale = find_family(bound.laws, bound.word("scale(2, 0)").letters[0].symbol)
        assert (scale.key, scale.scale) == ("test.scale(·, 0)", "multiplicative")
        assert scale.parameter(bound.word("scale(1, 0)").letters[0].symbol) == 0.0
        assert scale.parameter(bound.word("scale(-1, 0)").letters[0].symbol) is None

    @pytest.mark.parametrize(
        "laws", [(), ("blur(a, 0) * blur(b, 0) = blur(a + b, 1)",), ("blur(a, 0) * blur(b, 0) = blur(a - b, 0)",)]
    )
    def test_what_no_law_makes_a_family_is_none(self, laws):
        bound = catalog(*laws)
        with pytest.raises(FitError, match=r"no law makes test\.blur a one-parameter family; declare additive="):
            find_family(bound.laws, bound.word("blur(1, 0)").letters[0].symbol)

    def test_the_law_must_speak_of_the_other_parameters_that_are_asked_for(self):
        bound = catalog(*MULTIPLICATIVE)
        with pytest.raises(FitError):
            find_family(bound.laws, bound.word("scale(2, 5)").letters[0].symbol)

    def test_views_behind_the_same_word_count_and_others_do_not(self):
        bound = catalog(*ADDITIVE)
        words = [
            bound.word(text) for text in ("id", "turn(30, 0)", "blur", "blur * turn(-10, 0)", "turn(30, 0) * blur")
        ]
        A = skew([0.01, 0.02, 0.03])
        moments, _ = encoded(A, [0, 30, 0, -10, 5], words)
        fit = fit_family(moments, find_family(bound.laws, words[1].letters[0].symbol))
        found = {(t, str(source), str(target)) for t, source, target in fit.pairs if t > 0}
        assert found == {
            (30.0, "id", "test.turn(30, 0)"),
            (10.0, "test.blur(0, 0) * test.turn(-10, 0)", "test.blur(0, 0)"),
        }

    @pytest.mark.parametrize("noise", [0.0, 0.05])
    def test_unseen_angles_come_out_as_well_as_seen_ones(self, noise):
        A = skew([0.01, 0.03, 0.08])
        seen, unseen = [0, -60, -30, 30, 60], [45, 10, -50]
        bound = catalog(*ADDITIVE)
        _, latents = encoded(A, seen + unseen, turns(seen + unseen), noise)
        registry = OperatorRegistry(DIM, "encoder", bound)
        some = ViewMoments(turns(seen), DIM)
        some.add(latents[: len(seen)])
        fit = registry.fit_family(some, "turn(30, 0)")
        assert fit.parameters == (-60, -30, 30, 60)
        assert fit.highest == pytest.approx(0.08, abs=1e-3)
        assert fit.highest < fit.limit == pytest.approx(np.pi / 30)
        assert not fit.ambiguous
        errors = []
        for t, view in zip(seen[1:] + unseen, latents[1:], strict=True):
            moved = registry.operator(f"turn({t}, 0)").affine(latents[0])
            errors.append(np.mean((moved - view) ** 2) / view.var(axis=0).mean())
        assert max(errors) < (1e-9 if not noise else 0.05)
        assert max(errors[4:]) < 2 * max(errors[:4]) + 1e-12

    def test_the_family_law_holds_exactly_between_its_operators(self):
        bound = catalog(*ADDITIVE)
        moments, _ = encoded(skew([0.01, 0.02, 0.03]), [0, 30, 45], turns([0, 30, 45]), noise=0.3)
        registry = OperatorRegistry(DIM, "encoder", bound)
        registry.fit_family(moments, "turn(30, 0)")
        apart = registry.operator("turn(12.5, 0) * turn(20, 0)", reduce=False)
        assert apart.distance(registry.operator("turn(32.5, 0)")) < 1e-9
        assert (apart @ registry.operator("turn(-32.5, 0)")).is_identity
        assert registry.operator("turn(7, 0)^-1", reduce=False).distance(registry.operator("turn(-7, 0)")) < 1e-9
        assert (registry.operator("turn(8, 0)") ** 0.25).distance(registry.operator("turn(2, 0)")) < 1e-8

    def test_a_multiplicative_family_adds_logarithms(self):
        bound = catalog(*MULTIPLICATIVE)
        A = skew([0.4, 0.9, 1.3])
        factors = [1, 2, 0.5, 3]
        words = [bound.word(f"scale({factor}, 0)" if factor != 1 else "id") for factor in factors]
        moments, latents = encoded(A, np.log(factors), words)
        registry = OperatorRegistry(DIM, "encoder", bound)
        registry.fit_family(moments, "scale(2, 0)")
        moved = registry.operator("scale(1.5, 0) * scale(2, 0)").affine(latents[0])
        np.testing.assert_allclose(latents[3], moved, atol=1e-6)

    def test_a_family_that_forgets_is_fitted_freely(self):
        bound = catalog(
            "blur(a, 0) * blur(b, 0) = blur(a + b, 0)", Law(parse_word("blur(1, 0)"), parse_word("id"), "singular")
        )
        A = -np.diag(np.linspace(0.0, 1.2, DIM))
        times = [0, 1, 2, 3]
        words = [bound.word(f"blur({t}, 0)" if t else "id") for t in times]
        _, latents = encoded(A, times, words)
        some = ViewMoments(words[:3], DIM)
        some.add(latents[:3])
        registry = OperatorRegistry(DIM, "encoder", bound)
        fit = registry.fit_family(some, "blur(1, 0)")
        assert all(t > 0 for t in fit.parameters)
        # the mean moves too, since nothing is left of the centre but what the map keeps of it
        moved = registry.operator("blur(3, 0)").affine(latents[0])
        assert np.mean((moved - latents[3]) ** 2) / latents[3].var(axis=0).mean() < 0.02
        exact = fit_family(some, find_family(bound.laws, words[1].letters[0].symbol), refine=False)
        worse = exact.operator(3.0)(latents[0])
        assert np.mean((worse - latents[3]) ** 2) > 5 * np.mean((moved - latents[3]) ** 2)

    def test_a_law_that_negates_makes_no_family(self):
        bound = catalog("blur(a, 0) * blur(b, 0) ≠ blur(a + b, 0)")
        with pytest.raises(FitError, match="no law makes blur a one-parameter family"):
            find_family(bound.laws, parse_word("blur(1, 0)").letters[0].symbol)

    def test_without_refinement_a_family_stays_orthogonal_and_a_period_exact(self):
        bound = catalog(*ADDITIVE)
        moments, _ = encoded(2 * np.pi / 360 * skew([1.05, 2, 3]), [0, -30, 30], turns([0, -30, 30]), noise=0.1)
        family = find_family(bound.laws, turns([30])[0].letters[0].symbol)
        for options in ({"refine": False}, {"period": 360.0}):
            operator = fit_family(moments, family, **options).operator
            np.testing.assert_allclose(1, np.abs(np.linalg.eigvals(operator(77.0).matrix)), atol=1e-9)
        assert operator(360.0).distance(operator(0.0)) < 1e-8
        assert fit_family(moments, family, centred=False).operator(30.0).is_linear

    def test_a_plane_that_turns_nearly_half_a_circle_between_angles_is_called_ambiguous(self):
        bound = catalog(*ADDITIVE)
        moments, _ = encoded(skew([0.01, 0.02, 0.103]), [0, 30, 60], turns([0, 30, 60]))
        assert fit_family(moments, find_family(bound.laws, turns([30])[0].letters[0].symbol)).ambiguous

    def test_any_member_names_the_same_family(self):
        bound = catalog(*ADDITIVE)
        families = {find_family(bound.laws, turns([angle])[0].letters[0].symbol) for angle in (30, -7.5)}
        assert len(families) == 1

    def test_views_without_a_difference_are_refused(self):
        bound = catalog(*ADDITIVE)
        moments, _ = encoded(skew([0.1, 0.2, 0.3]), [0], turns([0]))
        with pytest.raises(MomentsError, match=r"no two views differ by the parameter of test\.turn\(·, 0\)"):
            OperatorRegistry(DIM, "encoder", bound).fit_family(moments, "turn(30, 0)")

    def test_the_registry_says_how_well_a_family_fits_and_does_not_replace_it_unasked(self):
        bound = catalog(*ADDITIVE)
        moments, _ = encoded(skew([0.01, 0.02, 0.03]), [0, 30], turns([0, 30]), noise=0.1)
        registry = OperatorRegistry(DIM, "encoder", bound)
        registry.fit_family(moments, "turn(30, 0)")
        (kept,) = registry.families.values()
        assert kept.provenance.fit == "one-parameter family"
        assert kept.provenance.residual < 0.1 < kept.provenance.identity_residual
        assert kept.provenance.details["fitted_on"] == [-30.0, 30.0]
        with pytest.raises(FitError, match="has operators already"):
            registry.fit_family(moments, "turn(45, 0)")
        registry.fit_family(moments, "turn(45, 0)", replace_existing=True)
        assert len(registry) == 1
        assert "turn(17, 0)" in registry
        assert "turn(17, 1)" not in registry


def test_rotations_turn_row_vectors_from_the_first_axis_to_the_second():
    np.testing.assert_allclose([0.0, 1.0], np.array([1.0, 0.0]) @ rotation(np.pi / 2), atol=1e-15)
