import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from sklearn.linear_model import LinearRegression, Ridge

from augalgebra import load_catalog, parse_word
from augalgebra.errors import MomentsError, RankError
from augalgebra.operators import FitOptions, OperatorRegistry, ViewMoments
from augalgebra.operators.fits.commuting import fit_commuting
from augalgebra.operators.fits.gradient_descent import AdaBelief, fit_by_descent
from augalgebra.operators.fits.moments import PairMoments
from augalgebra.operators.fits.orthogonal import involution, period, procrustes, rotation, round_angles
from augalgebra.operators.fits.ridge import least_squares
from augalgebra.operators.fits.whitening import Whitening
from augalgebra.operators.groups.arrays import random_orthogonal

ID, G = parse_word("id"), parse_word("g")
PAIR = [(ID, G)]


def moments_of(source, target):
    moments = ViewMoments([ID, G], source.shape[1])
    moments.add(np.stack([source, target]))
    return moments


def data(count=200, dim=4, seed=0, noise=0.3):
    generator = np.random.default_rng(seed)
    source = generator.standard_normal((count, dim)) @ generator.standard_normal((dim, dim)) + 2
    target = source @ generator.standard_normal((dim, dim)) - 1
    return source, target + noise * generator.standard_normal(target.shape)


def rng(seed=0):
    return np.random.default_rng(seed)


class TestLeastSquares:
    def test_without_a_ridge_it_is_linear_regression(self):
        source, target = data()
        fit = least_squares(PairMoments.pooled(moments_of(source, target), PAIR, centred=True), ridge=0.0)
        expected = LinearRegression().fit(source, target)
        np.testing.assert_allclose(expected.coef_.T, fit.map.matrix, rtol=1e-8)
        np.testing.assert_allclose(expected.intercept_, fit.map.shift, rtol=1e-8)

    @pytest.mark.parametrize("centred", [True, False])
    def test_with_a_ridge_it_is_ridge_regression(self, centred):
        source, target = data()
        fit = least_squares(PairMoments.pooled(moments_of(source, target), PAIR, centred=centred), ridge=0.1)
        moved = source - source.mean(axis=0) if centred else source
        alpha = 0.1 * np.trace(moved.T @ moved) / 4
        expected = Ridge(alpha=alpha, fit_intercept=centred, solver="cholesky").fit(source, target)
        np.testing.assert_allclose(expected.coef_.T, fit.map.matrix, rtol=1e-8)
        np.testing.assert_allclose(expected.predict(source), fit.map(source), rtol=1e-8, atol=1e-8)

    def test_it_reports_how_many_directions_the_sources_span(self):
        source, target = data()
        source[:, 3] = source[:, 0] - source[:, 1]
        fit = least_squares(PairMoments.pooled(moments_of(source, target), PAIR, centred=True))
        assert fit.source_rank == 3
        assert fit.source_condition > 1e12
        known = np.column_stack([source, np.ones(len(source))])
        expected = known @ np.linalg.lstsq(known, target)[0]
        np.testing.assert_allclose(fit.map(source), expected, atol=1e-4)

    def test_constant_sources_are_refused(self):
        pairs = PairMoments.pooled(moments_of(np.ones((5, 3)), np.ones((5, 3))), PAIR, centred=True)
        with pytest.raises(RankError, match="the codes to be moved are all the same"):
            least_squares(pairs)

    def test_without_a_ridge_a_rank_deficient_source_gets_the_shortest_solution(self):
        source, target = data()
        source[:, 3] = source[:, 0]
        fit = least_squares(PairMoments.pooled(moments_of(source, target), PAIR, centred=False), ridge=0.0)
        expected = np.linalg.lstsq(source, target, rcond=1e-10)[0]
        np.testing.assert_allclose(expected, fit.map.matrix, rtol=1e-6, atol=1e-8)


CONSTANTS = {
    "zero": np.zeros((20, 4)),
    "the same": np.full((20, 4), -3.7),
    "the same in float32": np.full((20, 4), 0.1, np.float32) + np.float32(1e-8) * data(20)[0].astype(np.float32),
}
FITS = ("ridge", "procrustes", "involution", "published", "representation", None)


class TestConstantCodes:
    @pytest.mark.parametrize("constant", CONSTANTS)
    @pytest.mark.parametrize("fit", FITS)
    @pytest.mark.parametrize("where", ["original", "augmented", "both"])
    @pytest.mark.parametrize("centred", [True, False])
    def test_no_fit_takes_them_and_each_says_of_what_and_why(self, constant, fit, where, centred):
        same, (varied, _) = CONSTANTS[constant], data(20)
        views = [same if where in ("original", "both") else varied, same if where != "original" else varied]
        with pytest.raises(RankError) as caught:
            self.fitted("flip_lr", views, fit, centred)
        under = "dihedral.flip_lr" if where == "augmented" else "the original"
        assert str(caught.value) == (
            f"no operator of flip_lr can be fitted: all 20 images have the same code under {under}; either they look "
            "the same there, and other pictures are needed, or the latent space has learned nothing: train longer, or "
            "with a smaller --kl-weight"
        )

    def test_what_has_no_inverse_is_named_with_its_parameters(self):
        with pytest.raises(
            RankError, match=r"no operator of canny can be fitted: all 20 images .* under filters.canny"
        ):
            self.fitted("canny", [data(20)[0], np.zeros((20, 4))], None, True)

    def test_one_image_is_too_few(self):
        with pytest.raises(RankError, match="no operator of flip_lr can be fitted: one image is too few"):
            self.fitted("flip_lr", [data(1)[0], data(1)[1]], "ridge", True)

    @pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e12])
    def test_small_and_large_codes_are_no_constants(self, scale):
        source, _ = data(20)
        registry = self.fitted("flip_lr", [source * scale, source[:, ::-1] * scale], "ridge", True)
        assert next(iter(registry.entries.values())).provenance.r2 == pytest.approx(1, abs=1e-9)

    def test_few_directions_are_named_with_the_operator(self):
        flat = data(20)[0]
        flat[:, 2:] = 0
        with pytest.raises(RankError, match="no operator of flip_lr can be fitted: the encodings span only 2 of 4"):
            self.fitted("flip_lr", [flat, flat], "involution", True)

    def test_families_refuse_them_too(self):
        catalog = load_catalog()
        moments = ViewMoments([catalog.word(word) for word in ("id", "rotate(10)", "rotate(20)")], 4)
        moments.add(np.zeros((3, 20, 4)))
        with pytest.raises(RankError, match=r"no operator of affine.rotate\(·, 0\) can be fitted: all 20 images"):
            OperatorRegistry(4, "encoder", catalog).fit_family(moments, "rotate(10)")

    @staticmethod
    def fitted(name, views, fit, centred):
        catalog = load_catalog()
        words = [catalog.word("id"), catalog.word(name)]
        moments = ViewMoments(words, 4)
        moments.add(np.stack(views))
        registry = OperatorRegistry(4, "encoder", catalog)
        options = FitOptions(centred=centred, epochs=1)
        registry.fit(moments, operators=words[1:], fit=fit, options=options, samples=np.stack(views))
        return registry


class TestWhitening:
    def test_second_moment_becomes_the_identity(self):
        source, target = data()
        moments = moments_of(source, target)
        whitening = Whitening.of_views(moments, [ID, G], centred=True)
        np.testing.assert_allclose((source.mean(axis=0) + target.mean(axis=0)) / 2, whitening.centre, rtol=1e-12)
        white = [(view - whitening.centre) @ whitening.inverse_root for view in (source, target)]
        second = sum(view.T @ view for view in white) / 400
        np.testing.assert_allclose(np.eye(4), second, atol=1e-9)
        np.testing.assert_allclose(np.eye(4), whitening.root @ whitening.inverse_root, atol=1e-9)
        np.testing.assert_allclose(white[0].T @ white[1] / 200, whitening.cross(moments, PAIR), atol=1e-9)

    def test_matrices_there_and_back_again(self):
        source, target = data()
        whitening = Whitening.of_views(moments_of(source, target), [ID, G], centred=True)
        Q = random_orthogonal(4, rng())
        operator = whitening.affine(Q)
        np.testing.assert_allclose(Q, whitening.matrix(operator), atol=1e-9)
        expected = (source - whitening.centre) @ whitening.inverse_root @ Q @ whitening.root + whitening.centre
        np.testing.assert_allclose(expected, operator(source), atol=1e-9)

    def test_latents_that_do_not_span_the_space_are_refused_with_a_remedy(self):
        source, target = data()
        source[:, 2:], target[:, 2:] = 0.0, 0.0
        moments = moments_of(source, target)
        with pytest.raises(RankError, match=r"span only 2 of 4 latent directions.*give a ridge such as 1e-6$"):
            Whitening.of_views(moments, [ID, G])
        assert Whitening.of_views(moments, [ID, G], ridge=1e-6).condition > 1e5

    def test_constant_latents_are_refused_too(self):
        moments = moments_of(np.zeros((5, 3)), np.zeros((5, 3)))
        with pytest.raises(RankError, match="span only 0 of 3"):
            Whitening.of_views(moments, [ID, G])


class TestOrthogonal:
    def test_procrustes_is_scipys(self):
        source, target = data()
        expected, _ = linalg.orthogonal_procrustes(source, target)
        np.testing.assert_allclose(expected, procrustes(source.T @ target), atol=1e-10)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**16))
    def test_no_involution_is_nearer(self, seed):
        generator = rng(seed)
        cross = generator.standard_normal((4, 4))
        found = involution(cross)
        np.testing.assert_allclose(np.eye(4), found @ found, atol=1e-12)
        np.testing.assert_allclose(np.eye(4), found @ found.T, atol=1e-12)
        own = np.linalg.eigh(cross + cross.T)[1]
        for signs in itertools.product([1.0, -1.0], repeat=4):
            for V in (own, random_orthogonal(4, generator)):
                other = (V * signs) @ V.T
                assert np.sum(other * cross) <= np.sum(found * cross) + 1e-9

    @pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 8])
    @pytest.mark.parametrize("dim", [1, 4, 7])
    def test_a_period_is_exact_whatever_was_measured(self, order, dim):
        found = period(rng(dim).standard_normal((dim, dim)), order)
        np.testing.assert_allclose(np.eye(dim), np.linalg.matrix_power(found, order), atol=1e-11)
        np.testing.assert_allclose(np.eye(dim), found @ found.T, atol=1e-12)

    @pytest.mark.parametrize("order", [2, 3, 4, 6])
    def test_a_planted_period_is_found_under_noise(self, order):
        generator = rng(order)
        angles = 2 * np.pi / order * generator.integers(0, order, 4)
        V = random_orthogonal(8, generator)
        truth = V @ linalg.block_diag(*map(rotation, angles)) @ V.T
        np.testing.assert_allclose(truth, period(truth, order), atol=1e-9)
        noisy = period(truth + 0.02 * generator.standard_normal((8, 8)), order)
        assert np.linalg.norm(noisy - truth) < 0.25

    def test_two_half_turns_in_an_odd_period_turn_together(self):
        rounded = round_angles(np.diag([-1.0, 1.0, -1.0, -1.0]), 3)
        np.testing.assert_allclose(np.eye(4), np.linalg.matrix_power(rounded, 3), atol=1e-12)
        np.testing.assert_allclose(np.cos(2 * np.pi / 3), rounded[0, 0])
        assert rounded[3, 3] == rounded[1, 1] == 1.0


class TestCommuting:
    @pytest.mark.parametrize("noise", [0.0, 0.05])
    def test_a_planted_family_is_found_and_commutes_exactly(self, noise):
        generator = rng(1)
        V = random_orthogonal(9, generator)
        turns = [2 * np.pi / 3 * np.array([0, 1, 1, 2]), np.array([0.3, 1.7, 2.5, -0.8])]
        truth = [
            V @ linalg.block_diag(*map(rotation, angles), [[sign]]) @ V.T
            for angles, sign in zip(turns, (1, -1), strict=True)
        ]
        truth.append(V @ np.diag([1, 1, -1, -1, 1, 1, -1, -1, -1.0]) @ V.T)
        found = fit_commuting(
            [item + noise * generator.standard_normal((9, 9)) for item in truth], [3, None, 2], seed=0
        )
        for matrix, planted in zip(found, truth, strict=True):
            np.testing.assert_allclose(np.eye(9), matrix @ matrix.T, atol=1e-11)
            assert np.linalg.norm(matrix - planted) < (1e-8 if not noise else 0.8)
        for first, second in itertools.combinations(found, 2):
            np.testing.assert_allclose(first @ second, second @ first, atol=1e-11)
        np.testing.assert_allclose(np.eye(9), np.linalg.matrix_power(found[0], 3), atol=1e-11)
        np.testing.assert_allclose(np.eye(9), found[2] @ found[2], atol=1e-11)

    @pytest.mark.parametrize("seed", range(4))
    def test_under_noise_it_is_a_stationary_point_above_the_truth(self, seed):
        generator = rng(seed)
        V = random_orthogonal(6, generator)
        angles = generator.uniform(0, 2 * np.pi, (3, 3))
        truth = [V @ linalg.block_diag(*map(rotation, turns)) @ V.T for turns in angles]
        crosses = [item + 0.1 * generator.standard_normal((6, 6)) for item in truth]
        found = fit_commuting(crosses, [None] * 3, seed=seed)
        # turning V by exp(εK) changes the sum by tr(KᵀG), G = Σ M Qᵀ + Mᵀ Q, which is 0 for all skew K
        G = sum(cross @ matrix.T + cross.T @ matrix for cross, matrix in zip(crosses, found, strict=True))
        np.testing.assert_allclose(G, G.T, atol=2e-3)
        agreement = [sum(np.sum(a * b) for a, b in zip(crosses, other, strict=True)) for other in (found, truth)]
        assert agreement[0] > agreement[1]

    def test_matrices_that_do_not_commute_are_made_to(self):
        generator = rng(2)
        found = fit_commuting([random_orthogonal(6, generator) for _ in range(3)], [None, 5, 2], seed=0)
        for first, second in itertools.combinations(found, 2):
            np.testing.assert_allclose(first @ second, second @ first, atol=1e-11)
        np.testing.assert_allclose(np.eye(6), np.linalg.matrix_power(found[1], 5), atol=1e-11)

    def test_one_seed_one_answer(self):
        crosses = [random_orthogonal(5, rng(seed)) for seed in range(2)]
        for first, second in zip(
            fit_commuting(crosses, [None, 2], seed=3), fit_commuting(crosses, [None, 2], seed=3), strict=True
        ):
            np.testing.assert_array_equal(first, second)


class TestPublished:
    def test_its_gradient_is_that_of_the_written_loss(self):
        source, target = data(count=64)
        L = torch.tensor(fit_by_descent(source, target, epochs=0, seed=5))
        optimizer = AdaBelief(0.05)
        for _ in range(5):  # the first step of AdaBelief would show no more than signs
            L = L.detach().requires_grad_()
            fit = torch.nn.functional.mse_loss(torch.tensor(source) @ L, torch.tensor(target))
            (fit + 7 * ((torch.eye(4) - L @ L) ** 2).sum()).backward()
            L = L.detach() + torch.tensor(optimizer(L.grad.numpy()))
        after = fit_by_descent(source, target, epochs=5, batch=64, weight=7, learning_rate=0.05, seed=5)
        np.testing.assert_allclose(L, after, rtol=1e-9)

    def test_adabelief_follows_the_paper(self):
        generator = rng()
        optimizer, theta = AdaBelief(0.01), 0.0
        m = s = 0.0
        expected = 0.0
        for step in range(1, 6):
            g = float(generator.standard_normal())
            theta += float(optimizer(np.array(g)))
            m = 0.9 * m + 0.1 * g
            s = 0.999 * s + 0.001 * (g - m) ** 2 + 1e-16
            expected -= 0.01 * (m / (1 - 0.9**step)) / ((s / (1 - 0.999**step)) ** 0.5 + 1e-16)
        np.testing.assert_allclose(expected, theta, rtol=1e-12)

    def test_it_finds_a_planted_involution(self):
        generator = rng(3)
        V = random_orthogonal(4, generator)
        truth = (V * [1, 1, -1, -1]) @ V.T
        source = generator.standard_normal((512, 4))
        found = fit_by_descent(source, source @ truth, epochs=250, seed=1)
        assert np.linalg.norm(found - truth) < 0.1

    def test_one_seed_one_answer(self):
        source, target = data()
        np.testing.assert_array_equal(
            fit_by_descent(source, target, epochs=2, seed=1), fit_by_descent(source, target, epochs=2, seed=1)
        )
        assert not np.array_equal(
            fit_by_descent(source, target, epochs=2, seed=1), fit_by_descent(source, target, epochs=2, seed=2)
        )

    def test_encodings_that_do_not_match_or_are_nan_are_refused(self):
        source, target = data()
        with pytest.raises(MomentsError, match=r"not \[200, 4\] and \[199, 4\]"):
            fit_by_descent(source, target[1:])
        source[0, 0] = np.nan
        with pytest.raises(MomentsError, match="NaN or infinite"):
            fit_by_descent(source, target)
