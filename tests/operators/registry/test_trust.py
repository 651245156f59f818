"""How far operators of the registry can be trusted: relations, floors, residuals, and what became of the code."""

from dataclasses import replace

import numpy as np
import pytest
from latent_contract import assert_latent_space

import augalgebra as aa
from augalgebra.catalog import Catalog
from augalgebra.errors import FitError, StaleOperatorError
from augalgebra.operators import (
    LatentResidual,
    OperatorRegistry,
    OrbitFloor,
    ViewMoments,
    build_representation,
    latent_residual,
    relation_residuals,
    word_residual,
)

WORDS = ["flip_lr", "rotate_cw"]


class TestHolding:
    def test_matrices_that_an_encoder_was_trained_around(self, space, catalog, square, views):
        registry = OperatorRegistry.of(space, catalog)
        registry.set_matrices(build_representation(square, 16), moments=views[0])
        for word in registry.words:
            entry = registry.entries[word]
            assert entry.map.is_linear
            assert entry.provenance.fit == "structured"
            # these components were not made for these matrices
            assert entry.provenance.residual > 0.1
        assert (
            registry.operator("flip_lr * rotate_cw * flip_lr * rotate_cw", reduce=False).distance(
                registry.operator("id")
            )
            == 0
        )
        assert registry.known_group() is not None

    @pytest.mark.parametrize("matrix", [np.eye(3), np.full((16, 16), np.nan)])
    def test_other_matrices_are_refused(self, space, catalog, matrix):
        registry = OperatorRegistry.of(space, catalog)
        with pytest.raises(FitError, match="16×16 finite numbers"):
            registry.set_matrices({catalog.word("flip_ud"): np.eye(16), catalog.word("flip_lr"): matrix})
        assert len(registry) == 0


class TestOrbitFloor:
    @pytest.fixture
    def floor(self, upright, catalog, upright_views):
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(upright_views[0], WORDS, "representation+readout")
        return OrbitFloor(upright, registry), registry

    def test_it_is_exactly_equivariant_where_the_space_is_not(self, floor, upright, catalog, square, digits):
        space, registry = floor
        images = digits[:50]
        assert_latent_space(space, images)
        codes = space.encode(images)
        for word in square.elements:
            operator = registry.operator(word, readout=False)
            turned = catalog.apply(word, images)
            np.testing.assert_allclose(operator.apply(codes), space.encode(turned), atol=1e-4)
            np.testing.assert_allclose(
                catalog.apply(word, space.decode(codes)), space.decode(operator.apply(codes)), atol=1e-4
            )
        flip = registry.operator("flip_lr", readout=False)
        assert (flip.apply(upright.encode(images)) - upright.encode(images.flip(-1))).abs().max() > 0.1

    def test_it_says_that_it_is_a_floor_and_is_another_space(self, floor, upright):
        space, _ = floor
        assert space.label.startswith("floor")
        assert space.fingerprint() != upright.fingerprint()

    def test_it_needs_a_group(self, upright, catalog, upright_views):
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(upright_views[0], WORDS, "ridge")
        with pytest.raises(FitError, match="no finite group of exact operators"):
            OrbitFloor(upright, registry)


class TestResiduals:
    def test_residuals_from_moments_are_those_of_the_latents(self, upright, catalog, upright_views):
        moments, latents = upright_views
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(moments, WORDS, "ridge")
        found = word_residual(registry, moments, catalog.word("rotate_cw"), catalog.word("flip_lr"))
        source, target = (
            latents[moments.words.index(catalog.word(text))].double().numpy()
            for text in ("flip_lr", "flip_lr * rotate_cw")
        )
        spread = ((target - target.mean(axis=0)) ** 2).sum()
        moved = registry.operator("rotate_cw").affine(source)
        assert found.residual == pytest.approx(((moved - target) ** 2).sum() / spread)
        assert found.identity == pytest.approx(((source - target) ** 2).sum() / spread)
        assert found.r2 == pytest.approx(1 - found.residual)

    def test_constant_targets_leave_no_variance(self, catalog):
        word = catalog.word("id")
        moments = ViewMoments([word], 2)
        moments.add(np.ones((1, 3, 2)))
        still = OperatorRegistry(2, "x", catalog).operator("id").affine
        assert latent_residual(still, moments, [(word, word)]) == LatentResidual(0.0, 0.0)

    def test_laws_that_least_squares_breaks_are_measured(self, upright, catalog, upright_views):
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(upright_views[0], WORDS, "ridge")
        measured = relation_residuals(registry, catalog, registry.words)
        assert [item.residual for item in measured] == sorted((item.residual for item in measured), reverse=True)
        assert measured[0].residual > 0.05
        square = registry.operator("flip_lr", reduce=False).matrix
        expected = np.linalg.norm(square @ square - np.eye(24)) / np.sqrt(24)
        found = next(item for item in measured if item.law.kind == "involutory")
        assert found.residual == pytest.approx(expected, rel=0.2)

    def test_laws_that_cannot_be_measured_say_why(self, registry, catalog):
        asked = [*registry.words, catalog.word("negate")]
        reasons = [item.reason for item in relation_residuals(registry, catalog, asked) if item.residual is None]
        assert reasons
        assert all("no operator for negate" in reason for reason in reasons)


class TestStaleness:
    @staticmethod
    def changed(catalog: Catalog, *, version: str = "", law: str = "", without: str = "") -> Catalog:
        plugins = [replace(info, version=version) for info in catalog.plugins]
        laws = [*catalog.laws, *([aa.parse_law(law, owner="dihedral.flip_lr")] if law else [])]
        kept = {name: item for name, item in catalog.augmentations.items() if name != without}
        return Catalog(kept, laws, plugins)

    def test_nothing_is_stale_at_first(self, registry):
        assert registry.stale() == {}
        registry.require_fresh()
        assert registry.operator("flip_lr").stale == ()

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"law": "flip_lr^4 = id"}, "the laws of dihedral.flip_lr have changed"),
            (
                {"version": "2.0"},
                "plugin dihedral of dihedral.flip_lr has another version now (2.0, was unknown)",
            ),
            ({"without": "dihedral.flip_lr"}, "dihedral.flip_lr (plugin dihedral) is not registered any more"),
        ],
    )
    def test_changed_augmentations_are_named_wherever_they_are_used(self, registry, catalog, change, reason):
        registry.catalog = self.changed(catalog, **change)
        assert registry.stale()["dihedral.flip_lr"] == (reason,)
        with pytest.raises(StaleOperatorError, match=r"fit dihedral\.flip_lr.* again$"):
            registry.require_fresh()
        assert registry.to_dict()[0]["stale"] == [reason]
        if "without" not in change:
            assert registry.operator("flip_lr * rotate_cw").stale[0] == reason
            assert (registry.operator("flip_lr") @ registry.operator("rotate_cw")).stale[0] == reason

    def test_only_what_changed_is_stale(self, registry, catalog):
        registry.catalog = self.changed(catalog, law="flip_lr^4 = id")
        assert set(registry.stale()) == {"dihedral.flip_lr"}
        assert registry.operator("rotate_cw").stale == ()

    def test_another_encoder_makes_everything_stale(self, registry):
        registry.fingerprint = "another encoder"
        registry._stale.clear()
        assert set(registry.stale()) == {"dihedral.flip_lr", "dihedral.rotate_cw"}
        with pytest.raises(
            StaleOperatorError, match=r"was fitted on another encoder \(pca-16-\d+\.\d*, now another enco\)"
        ):
            registry.require_fresh()
