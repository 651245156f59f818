import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from augalgebra import parse_word
from augalgebra.errors import MomentsError
from augalgebra.operators import ViewMoments
from augalgebra.operators.fits.moments import PairMoments

ID, A, B = (parse_word(text) for text in ("id", "a", "b"))
WORDS = (ID, A, B)


def encodings(count, dim=3, views=3, seed=0):
    generator = np.random.default_rng(seed)
    mixing = generator.standard_normal((dim * views, dim * views))
    return (generator.standard_normal((count, dim * views)) @ mixing).reshape(count, views, dim).swapaxes(0, 1) + 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**16))
def test_streamed_moments_are_those_of_everything_at_once(sizes, seed):
    latents = encodings(sum(sizes), seed=seed)
    moments = ViewMoments(WORDS, 3)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        moments.add(latents[:, start : start + size])
    stacked = latents.swapaxes(0, 1).reshape(sum(sizes), -1)
    expected = np.atleast_2d(np.cov(stacked.T, bias=True)) if len(stacked) > 1 else np.zeros((9, 9))
    assert moments.count == sum(sizes)
    for i, first in enumerate(WORDS):
        np.testing.assert_allclose(latents[i].mean(axis=0), moments.mean(first), rtol=1e-12)
        for j, second in enumerate(WORDS):
            block = expected[3 * i : 3 * i + 3, 3 * j : 3 * j + 3]
            np.testing.assert_allclose(block, moments.covariance(first, second), rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=3, max_size=3).filter(any), st.permutations(range(3)), st.integers(0, 99))
def test_moments_merge_in_any_order_and_grouping(sizes, order, seed):
    latents = encodings(sum(sizes), seed=seed)
    whole, parts = ViewMoments(WORDS, 3), [ViewMoments(WORDS, 3) for _ in sizes]
    whole.add(latents)
    for part, rows in zip(parts, np.split(latents, np.cumsum(sizes)[:-1], axis=1), strict=True):
        if rows.shape[1]:
            part.add(rows)
    a, b, c = (parts[place] for place in order)
    for merged in ((a + b) + c, a + (b + c)):
        assert merged.count == whole.count
        for word in WORDS:
            np.testing.assert_allclose(whole.mean(word), merged.mean(word), rtol=1e-10)
            np.testing.assert_allclose(whole.covariance(A, word), merged.covariance(A, word), rtol=1e-9, atol=1e-9)
    assert [part.count for part in parts] == sizes


@pytest.mark.parametrize("other", [ViewMoments((ID, B, A), 3), ViewMoments(WORDS, 4)])
def test_moments_of_other_views_or_spaces_do_not_merge(other):
    with pytest.raises(MomentsError, match="cannot be merged"):
        ViewMoments(WORDS, 3) + other


def test_a_large_batch_is_taken_in_by_chunks():
    latents = encodings(10_000).astype(np.float32)
    moments = ViewMoments(WORDS, 3)
    moments.add(latents)
    exact = latents.astype(np.float64)
    np.testing.assert_allclose(exact[1].mean(axis=0), moments.mean(A), rtol=1e-12)
    centred = exact - exact.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred[1].T @ centred[2] / 10_000, moments.covariance(A, B), rtol=1e-9)


def test_a_mean_far_away_costs_no_precision():
    latents = encodings(500) * 1e-3
    near, far = ViewMoments(WORDS, 3), ViewMoments(WORDS, 3)
    for rows in np.array_split(latents, 5, axis=1):
        near.add(rows)
        far.add(rows + 1e6)
    # 1e6 itself leaves ten digits of a thousandth; summing squares would leave none
    np.testing.assert_allclose(near.covariance(A, B), far.covariance(A, B), rtol=1e-5, atol=1e-12)


def test_second_moments_about_a_point():
    latents = encodings(50)
    moments = ViewMoments(WORDS, 3)
    moments.add(latents)
    point = np.array([1.0, -2.0, 0.5])
    expected = (latents[0] - point).T @ (latents[2] - point) / 50
    np.testing.assert_allclose(expected, moments.about(point, ID, B), rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_tensors_of_any_float_type_are_accumulated_in_float64(dtype):
    latents = torch.tensor(encodings(64), dtype=dtype, requires_grad=True)
    moments = ViewMoments(WORDS, 3)
    moments.add(latents)
    expected = latents.detach().double().numpy()[1].mean(axis=0)
    assert moments.mean(A).dtype == np.float64
    np.testing.assert_allclose(expected, moments.mean(A), rtol=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_names_the_view_and_takes_nothing_in(bad):
    latents = encodings(20)
    latents[1, [3, 5], 0] = bad
    moments = ViewMoments(WORDS, 3)
    with pytest.raises(MomentsError, match=r"^2 of 20 encodings of the view a are NaN or infinite"):
        moments.add(latents)
    assert moments.count == 0


def test_numbers_whose_sum_overflows_are_finite_all_the_same():
    latents = np.full((3, 4, 3), 3e38, dtype=np.float32)
    moments = ViewMoments(WORDS, 3)
    moments.add(latents)
    assert moments.count == 4
    np.testing.assert_allclose(moments.mean(A), latents[1, 0].astype(np.float64))


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 5, 3), (5, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(MomentsError, match=r"\[view, batch, latent\] = \[3, batch, 3\], not \["):
        ViewMoments(WORDS, 3).add(np.zeros(shape))


def test_a_view_that_was_not_encoded_is_named():
    moments = ViewMoments(WORDS, 3)
    moments.add(encodings(5))
    with pytest.raises(MomentsError, match=r"^the view a \* b was not encoded; there are id, a, b$"):
        moments.mean(A * B)


def test_moments_need_images_views_and_distinct_words():
    with pytest.raises(MomentsError, match="no encodings have been added"):
        ViewMoments(WORDS, 3).covariance(A, B)
    with pytest.raises(MomentsError, match="at least one view"):
        ViewMoments([], 3)
    with pytest.raises(MomentsError, match="the view a is given twice"):
        ViewMoments([ID, A, A], 3)


@pytest.mark.parametrize("centred", [True, False])
def test_pooled_pairs_are_moments_of_the_stacked_encodings(centred):
    latents = encodings(40)
    moments = ViewMoments(WORDS, 3)
    moments.add(latents)
    pooled = PairMoments.pooled(moments, [(ID, A), (B, ID)], centred=centred)
    source, target = np.vstack([latents[0], latents[2]]), np.vstack([latents[1], latents[0]])
    if centred:
        np.testing.assert_allclose(source.mean(axis=0), pooled.source_centre, rtol=1e-12)
        np.testing.assert_allclose(target.mean(axis=0), pooled.target_centre, rtol=1e-12)
        source, target = source - source.mean(axis=0), target - target.mean(axis=0)
    for expected, actual in [
        (source.T @ source, pooled.source),
        (source.T @ target, pooled.cross),
        (target.T @ target, pooled.target),
    ]:
        np.testing.assert_allclose(expected / 80, actual, rtol=1e-9, atol=1e-12)
    assert pooled.count == 80


def test_no_pairs_are_refused():
    moments = ViewMoments(WORDS, 3)
    moments.add(encodings(5))
    with pytest.raises(MomentsError, match="no two of the encoded views are connected"):
        PairMoments.pooled(moments, [], centred=True)
