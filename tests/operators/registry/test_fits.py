"""How the registry fits operators, on PCA of handwritten digits and the symmetries of the square."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from augalgebra.errors import FitError, RankError
from augalgebra.operators import (
    FITS,
    FitOptions,
    OperatorRegistry,
    ViewMoments,
    choose,
    latent_residual,
    relation_residuals,
)

WORDS = ["flip_lr", "rotate_cw"]
LAWFUL = ("involution", "commuting", "projection", "intervention")
"""Fits that the laws of these do not allow."""


class TestFitting:
    def test_the_laws_choose_an_exact_representation(self, registry, catalog, square):
        for word in registry.words:
            provenance = registry.entries[word].provenance
            assert provenance.fit == "representation"
            assert provenance.details["reason"] == "the laws close to the group D4"
            assert provenance.residual < 1e-9 < provenance.identity_residual
            assert provenance.r2 == pytest.approx(1)
            assert (provenance.rank, provenance.images) == (16, 1797)
            assert provenance.condition == pytest.approx(np.linalg.cond(registry.operator(word).matrix))
        relations = relation_residuals(registry, catalog, registry.words)
        assert len(relations) >= 2
        assert max(relation.residual for relation in relations) < 1e-10

    @pytest.mark.parametrize("fit", [name for name in FITS if name not in (*LAWFUL, "flow")])
    def test_every_fit_by_name_on_an_encoder_that_knows_nothing_of_the_square(
        self, fit, upright, catalog, upright_views
    ):
        moments, latents = upright_views
        registry = OperatorRegistry.of(upright, catalog)
        # an encoder of upright digits maps turned ones elsewhere, so only maps with a shift come near
        plans = registry.fit(moments, WORDS, fit, FitOptions(epochs=60, weight=0.01), samples=latents)
        assert [plan.fit for plan in plans] == [fit]
        limit = {"ridge": 0.2, "representation": 0.35, "representation+readout": 0.3, "published": np.inf}.get(fit, 0.4)
        for word in registry.words:
            provenance = registry.entries[word].provenance
            assert provenance.residual < min(limit, provenance.identity_residual)
        residuals = {item.law.kind: item.residual for item in relation_residuals(registry, catalog, registry.words)}
        exact = {"representation", "representation+readout", "period"}
        assert (max(residuals.values()) < 1e-9) == (fit in exact)

    def test_fits_one_at_a_time(self, upright, catalog, upright_views, square):
        moments, _ = upright_views
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(moments, ["flip_lr", "flip_ud"], "commuting")
        registry.fit(moments, ["rotate_180"], "involution")
        assert (
            registry.operator("flip_lr * flip_ud", reduce=False).distance(
                registry.operator("flip_ud * flip_lr", reduce=False)
            )
            < 1e-9
        )
        assert registry.operator("rotate_180^2", reduce=False).distance(registry.operator("id")) < 1e-9

    @pytest.mark.parametrize(
        ("fit", "words", "message"),
        [
            ("magic", WORDS, "there is no fit 'magic'; the fits are ridge, published"),
            ("involution", ["rotate_cw"], "no law says that rotate_cw is its own inverse"),
            ("period", ["mystery"], "no law gives mystery a period"),
            ("commuting", WORDS, "the laws do not say that flip_lr, rotate_cw commute"),
            ("representation", ["mystery"], "representation needs a finite group"),
            ("published", WORDS, "pass them as samples"),
        ],
    )
    def test_fits_that_the_laws_do_not_allow(self, space, catalog, views, fit, words, message):
        registry = OperatorRegistry.of(space, catalog)
        with pytest.raises(FitError, match=message):
            registry.fit(views[0], words, fit)
        assert len(registry) == 0

    def test_choices_and_their_reasons(self, catalog):
        words = [
            catalog.word(text) for text in ("flip_lr", "blank", "rotate_cw", "mystery", "negate", "darken", "wobble")
        ]
        plans = {str(word): plan for plan in choose(catalog, words) for word in plan.operators}
        assert [(name, plan.fit) for name, plan in plans.items()] == [
            ("dihedral.flip_lr", "representation"),
            ("dihedral.rotate_cw", "representation"),
            ("extra.negate", "representation"),
            ("extra.blank", "ridge"),
            ("extra.mystery", "ridge"),
            ("extra.darken", "procrustes"),
            ("extra.wobble", "ridge"),
        ]
        assert plans["dihedral.flip_lr"].reason == "the laws close to the group Z2×D4"
        assert "no inverse" in plans["extra.blank"].reason
        assert "no declared law" in plans["extra.mystery"].reason
        assert "undone exactly" in plans["extra.darken"].reason
        # five steps are a circle of the plane, not of the pictures
        assert plans["extra.wobble"].reason == "its laws hold up to interpolation only"

    def test_approximate_laws_make_no_group(self, catalog):
        plans = choose(catalog, [catalog.word("left"), catalog.word("right")])
        assert [(plan.fit, len(plan.operators)) for plan in plans] == [("representation", 1), ("involution", 1)]

    def test_least_squares_on_original_and_augmented_alone(self, upright, catalog, upright_views):
        moments, latents = upright_views
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(moments, ["rotate_cw"], "ridge", FitOptions(pairs="original", ridge=0.0))
        source, target = (
            latents[moments.words.index(catalog.word(text))].double().numpy() for text in ("id", "rotate_cw")
        )
        expected = LinearRegression().fit(source, target)
        operator = registry.operator("rotate_cw")
        np.testing.assert_allclose(expected.coef_.T, operator.matrix, atol=1e-6)
        np.testing.assert_allclose(expected.intercept_, operator.shift, atol=1e-6)

    def test_the_readout_comes_once_after_each_word_and_never_after_an_identity(self, upright, catalog, upright_views):
        moments, _ = upright_views
        plain, read = (OperatorRegistry.of(upright, catalog) for _ in range(2))
        plain.fit(moments, WORDS, "representation")
        read.fit(moments, WORDS, "representation+readout")
        assert read.operator("flip_lr^2").is_identity
        K = (~plain.operator("flip_lr") @ read.operator("flip_lr")).affine
        for text in ("rotate_cw", "flip_lr * rotate_cw", "rotate_cw^2 * flip_lr", "rotate_cw^-1"):
            assert read.operator(text).affine.distance(plain.operator(text).affine @ K) < 1e-9
            assert read.operator(text, readout=False).distance(plain.operator(text)) < 1e-12
        pair = [(moments.words[0], catalog.word("flip_lr"))]
        assert latent_residual(read.operator("flip_lr").affine, moments, pair).residual < (
            latent_residual(plain.operator("flip_lr").affine, moments, pair).residual
        )

    def test_a_rank_deficient_encoder_is_refused_and_nothing_is_kept(
        self, catalog, square, digits, pca_space, encode_views
    ):
        space = pca_space(8, digits)
        space.encode, usual = lambda images: usual(images) * torch.tensor([1.0] * 6 + [0.0] * 2), space.encode
        registry = OperatorRegistry.of(space, catalog)
        moments, _ = encode_views(space, catalog, square.elements, digits[:200])
        with pytest.raises(RankError, match="span only 6 of 8"):
            registry.fit(moments, WORDS)
        assert len(registry) == 0
        registry.fit(moments, WORDS, "ridge")
        assert registry.entries[registry.words[0]].provenance.details["source_rank"] == 6
        assert registry.operator("flip_lr").rank == 6
        assert registry.operator("flip_lr").condition > 1e6

    def test_moments_of_another_dimension_and_words_of_several_letters_are_refused(self, registry, views, catalog):
        with pytest.raises(FitError, match="have 3 coordinates, but this registry is for 16"):
            registry.fit(ViewMoments([catalog.word("id")], 3), WORDS)
        with pytest.raises(FitError, match=r"flip_lr \* rotate_cw is no single augmentation"):
            registry.fit(views[0], ["flip_lr * rotate_cw"])

    def test_operators_are_not_replaced_unasked(self, registry, views):
        with pytest.raises(FitError, match="flip_lr has an operator already"):
            registry.fit(views[0], ["flip_lr"], "ridge")
        before = registry.operator("flip_lr * rotate_cw").matrix
        registry.fit(views[0], ["flip_lr"], "ridge", FitOptions(ridge=0.1), replace_existing=True)
        assert not np.allclose(before, registry.operator("flip_lr * rotate_cw").matrix)
        assert registry.entries[registry.words[0]].provenance.fit == "ridge"

    def test_one_seed_one_answer(self, upright, catalog, upright_views):
        found = []
        for _ in range(2):
            registry = OperatorRegistry.of(upright, catalog)
            registry.fit(upright_views[0], WORDS, options=FitOptions(seed=3))
            found.append(registry.operator("flip_lr * rotate_cw").matrix)
        np.testing.assert_array_equal(*found)
