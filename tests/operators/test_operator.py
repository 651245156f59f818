import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from augalgebra import AugalgebraError, parse_word
from augalgebra.errors import FitError, NotInvertibleError
from augalgebra.operators import AffineMap, Operator
from augalgebra.operators.groups.arrays import random_orthogonal
from augalgebra.operators.operator import Factor, Readout
from augalgebra.operators.powers import real_power

A, B = parse_word("a"), parse_word("b")


def affine(seed, dim=4, shifted=True):
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((dim, dim)) + 2 * np.eye(dim)
    return AffineMap(matrix, generator.standard_normal(dim) * shifted)


def conjugate(diagonal, seed=0):
    generator = np.random.default_rng(seed)
    dim = len(diagonal)
    V = random_orthogonal(dim, generator) * np.exp(generator.uniform(-1, 1, dim)) @ random_orthogonal(dim, generator)
    return AffineMap.linear(V @ diagonal @ np.linalg.inv(V))


class TestAffineMap:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**16), st.integers(1, 5))
    def test_laws_of_composition(self, seed, dim):
        f, g, h = (affine(seed + i, dim) for i in range(3))
        z = np.random.default_rng(seed).standard_normal((7, dim))
        np.testing.assert_allclose(g(f(z)), (f @ g)(z), rtol=1e-9, atol=1e-9)
        assert ((f @ g) @ h).distance(f @ (g @ h)) < 1e-9
        np.testing.assert_allclose((f @ g).homogeneous, f.homogeneous @ g.homogeneous, atol=1e-9)
        assert AffineMap.from_homogeneous(f.homogeneous).distance(f) == 0
        assert AffineMap.product([f, g, h], dim).distance(f @ g @ h) < 1e-9
        assert AffineMap.product([], dim).distance(AffineMap.linear(np.eye(dim))) == 0

    def test_the_inverse_undoes_it_on_both_sides(self):
        f = affine(3)
        still = AffineMap.linear(np.eye(4))
        assert (f @ f.inverse()).distance(still) < 1e-12
        assert (f.inverse() @ f).distance(still) < 1e-12

    def test_around_a_point_that_stays_and_between_two_points(self):
        L, source, target = np.diag([2.0, 3.0]), np.array([1.0, 2.0]), np.array([-1.0, 5.0])
        np.testing.assert_allclose(source, AffineMap.around(L, source)(source))
        np.testing.assert_allclose(target, AffineMap.between(L, source, target)(source))

    def test_distance_counts_the_shift_as_one_more_row(self):
        still = AffineMap.linear(np.eye(4))
        assert still.distance(AffineMap(np.eye(4), np.array([0.0, 0.0, 3.0, 4.0]))) == 5 / 2
        assert still.distance(AffineMap.linear(-np.eye(4))) == 2.0


class TestOperator:
    def test_a_product_is_the_first_and_then_the_second(self):
        a, b = Operator.of(affine(0), A), Operator.of(affine(1), B)
        product = a @ b
        z = np.random.default_rng(0).standard_normal((5, 4))
        assert product.word == A * B
        np.testing.assert_allclose(b.affine(a.affine(z)), product.affine(z), rtol=1e-12)
        np.testing.assert_allclose(a.matrix @ b.matrix, product.matrix, rtol=1e-12)

    def test_nothing_is_multiplied_before_a_number_is_asked_for(self, monkeypatch):
        calls = []
        monkeypatch.setattr(AffineMap, "__matmul__", lambda *_: calls.append(1))
        a = Operator.of(affine(0), A)
        product = (a @ a) @ ~a @ a**3
        assert not calls
        assert len(product.factors) == 6

    def test_the_inverse_of_a_product_turns_it_round(self):
        a, b = Operator.of(affine(0), A), Operator.of(affine(1), B)
        undone = a @ b @ ~(a @ b)
        assert (~(a @ b)).word == ~B * ~A or (~(a @ b)).word == ~(A * B)
        assert undone.distance(Operator.identity(4)) < 1e-10

    @pytest.mark.parametrize("exponent", [-2, -1, 0, 1, 3])
    def test_whole_powers_are_products(self, exponent):
        a = Operator.of(affine(0, shifted=False), A)
        np.testing.assert_allclose(np.linalg.matrix_power(a.matrix, exponent), (a**exponent).matrix, rtol=1e-9)
        assert (a**exponent).word == A**exponent

    def test_a_singular_operator_has_no_inverse_and_says_what_was_measured(self):
        flat = Operator.of(AffineMap.linear(np.diag([2.0, 1.0, 1.0, 0.0])), A)
        assert (flat.rank, flat.condition) == (3, np.inf)
        with pytest.raises(
            NotInvertibleError,
            match=r"^a cannot be undone here: its operator has rank 3 of 4 and condition inf; ask for the pseudo",
        ):
            _ = ~flat
        with pytest.raises(NotInvertibleError):
            _ = flat**-1

    def test_a_badly_conditioned_operator_counts_as_singular(self):
        nearly = Operator.of(AffineMap.linear(np.diag([1.0, 1e-7])), A)
        with pytest.raises(NotInvertibleError, match=r"condition 1\.0e\+07"):
            _ = ~nearly

    def test_the_pseudo_inverse_is_given_by_name(self):
        matrix = np.random.default_rng(0).standard_normal((4, 2)) @ np.random.default_rng(1).standard_normal((2, 4))
        flat = Operator.of(AffineMap(matrix, np.ones(4)), A)
        found = flat.pseudo_inverse()
        np.testing.assert_allclose(np.linalg.pinv(matrix), found.matrix, atol=1e-12)
        np.testing.assert_allclose(flat.matrix, (flat @ found @ flat).matrix, atol=1e-12)
        assert found.word is None
        assert found.label == "pseudo-inverse of a"

    def test_rank_condition_and_spectrum(self):
        operator = Operator.of(conjugate(np.diag([-1.0, -1.0, 1.0, 0.5])), A)
        np.testing.assert_allclose([1, -1, -1, 0.5], operator.spectrum, atol=1e-9)
        assert operator.rank == 4
        assert operator.condition == pytest.approx(np.linalg.cond(operator.matrix))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_tensors_move_in_their_own_type(self, dtype):
        operator = Operator.of(affine(0), A)
        z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=dtype)
        moved = operator.apply(z)
        assert moved.dtype == dtype
        np.testing.assert_allclose(operator.affine(z.double().numpy()), moved.double().numpy(), rtol=1e-4, atol=1e-4)

    def test_a_linear_operator_is_a_product_from_the_right(self):
        operator = Operator.of(affine(0, shifted=False), A)
        z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
        assert not operator.shift.any()
        assert torch.equal(z @ torch.tensor(operator.matrix, dtype=torch.float32), operator.apply(z))

    def test_gradients_pass_through(self):
        operator = Operator.of(affine(0), A)
        z = torch.zeros(1, 4, requires_grad=True)
        operator.apply(z).sum().backward()
        np.testing.assert_allclose(operator.matrix.sum(axis=1), z.grad[0].numpy(), rtol=1e-5)

    def test_gradients_pass_through_what_was_used_in_inference_before(self):
        operator = Operator.of(affine(0), A)
        with torch.inference_mode():
            operator.apply(torch.ones(1, 4))
        z = torch.ones(1, 4, requires_grad=True)
        operator.apply(z).sum().backward()
        assert z.grad is not None

    def test_the_identity_returns_the_very_same_latents(self):
        z = torch.ones(2, 4)
        assert Operator.identity(4).apply(z) is z

    def test_other_dimensions_are_refused(self):
        operator = Operator.of(affine(0), A)
        with pytest.raises(AugalgebraError, match="acts on 4 latent coordinates, but these latents have 5"):
            operator.apply(torch.zeros(2, 5))
        with pytest.raises(AugalgebraError, match="operators of different latent spaces do not compose"):
            operator @ Operator.of(affine(0, dim=3), B)

    def test_a_readout_follows_each_run_of_those_that_share_it_once(self):
        K, other = Readout("K", affine(7)), affine(8)
        a, b = Factor(affine(0), "a", K), Factor(affine(1), "b", K)
        c = Factor(other, "c")
        operator = Operator(4, (a, b, c, a), None, "a * b * c * a")
        expected = AffineMap.product([a.map, b.map, K.map, other, a.map, K.map], 4)
        assert operator.affine.distance(expected) < 1e-12

    def test_the_inverse_keeps_the_readout_last(self):
        K = Readout("K", affine(7))
        operator = ~Operator(4, (Factor(affine(0), "a", K),), A, "a")
        assert operator.affine.distance(affine(0).inverse() @ K.map) < 1e-12

    def test_staleness_is_inherited(self):
        a = Operator.of(affine(0), A)
        stale = Operator(4, a.factors, B, "b", stale=("the laws of b have changed",))
        assert (a @ stale).stale == (stale**3).stale == (~stale).stale == (stale**0.5).stale == stale.stale


class TestRealPowers:
    def test_half_a_flip_is_a_projection_plus_a_cosine_and_says_what_it_is_not(self):
        flip = conjugate(np.diag([1.0, 1.0, -1.0, -1.0, -1.0]))
        power = real_power(flip, 0.3)
        keep, turn = (np.eye(5) + flip.matrix) / 2, (np.eye(5) - flip.matrix) / 2
        np.testing.assert_allclose(keep + np.cos(0.3 * np.pi) * turn, power.map.matrix, atol=1e-9)
        assert not power.one_parameter
        assert power.reason.startswith("-1 has multiplicity 3 without a partner")

    def test_a_flip_with_an_even_number_of_signs_has_a_square_root(self):
        flip = conjugate(np.diag([1.0, -1.0, -1.0, -1.0, -1.0]))
        power = real_power(flip, 0.5)
        assert power.one_parameter
        assert not power.reason
        assert (power.map @ power.map).distance(flip) < 1e-9

    def test_negative_eigenvalues_are_partners_of_their_equals_only(self):
        operator = conjugate(np.diag([-1.0, -2.0, -1.0, -2.0, 3.0]))
        power = real_power(operator, 0.5)
        assert power.one_parameter
        assert (power.map @ power.map).distance(operator) < 1e-8
        alone = real_power(conjugate(np.diag([-1.0, -2.0, -1.0])), 0.5)
        assert alone.reason.startswith("a negative eigenvalue has multiplicity 1 without a partner")

    @pytest.mark.parametrize("affinely", [False, True])
    def test_a_one_parameter_group_adds_exponents(self, affinely):
        turn, c = np.pi / 2, np.array([1.0, -2.0, 0.5, 3.0, 1.0])
        D = linalg.block_diag([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], [[1.0]], -np.eye(2))
        operator = conjugate(D)
        if affinely:
            operator = AffineMap.around(operator.matrix, c)
        powers = {t: real_power(operator, t) for t in (0.3, 0.9, 1.2, -0.3)}
        assert all(power.one_parameter for power in powers.values())
        assert (powers[0.3].map @ powers[0.9].map).distance(powers[1.2].map) < 1e-8
        assert (powers[0.3].map @ powers[-0.3].map).distance(AffineMap.linear(np.eye(5))) < 1e-8
        if affinely:
            np.testing.assert_allclose(c, powers[0.9].map(c), atol=1e-8)

    def test_positive_matrices_agree_with_the_exponential_of_the_logarithm(self):
        generator = np.random.default_rng(0)
        A = generator.standard_normal((4, 4)) * 0.3
        operator = AffineMap.linear(linalg.expm(A))
        np.testing.assert_allclose(linalg.expm(0.7 * A), real_power(operator, 0.7).map.matrix, atol=1e-9)

    def test_what_forgets_has_positive_powers_only(self):
        operator = conjugate(np.diag([0.0, 0.0, 0.25, 4.0]))
        power = real_power(operator, 0.5)
        np.testing.assert_allclose(
            [2.0, 0.5, 0.0, 0.0], np.sort(np.linalg.eigvals(power.map.matrix).real)[::-1], atol=1e-9
        )
        with pytest.raises(NotInvertibleError, match="rank 2 of 4"):
            real_power(operator, -0.5)

    def test_what_forgets_in_two_steps_has_none(self):
        with pytest.raises(FitError, match="nilpotent"):
            real_power(conjugate(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])), 0.5)

    def test_operators_take_them_by_the_power_sign(self):
        flip = Operator.of(AffineMap.linear(np.diag([1.0, -1.0])), A)
        half = flip**0.5
        np.testing.assert_allclose(np.diag([1.0, 0.0]), half.matrix, atol=1e-12)
        assert (half.one_parameter, half.word, half.label) == (False, None, "a^0.5")
        assert (flip**1.0).word == A
        with pytest.raises(AugalgebraError, match="cannot be raised to the power nan"):
            flip ** float("nan")
