"""What the registry answers for words: operators, inverses, and those plugged in later."""

import numpy as np
import pytest
import torch
from latent_contract import assert_latent_space

from augalgebra.errors import MissingOperatorError, NotInvertibleError, ParameterError, UnknownNameError
from augalgebra.operators import OperatorRegistry, composition_defect

WORDS = ["flip_lr", "rotate_cw"]


def test_pca_is_a_latent_space(space, digits):
    assert_latent_space(space, digits[:20])


class TestLookingUp:
    def test_every_word_moves_codes_to_the_codes_of_the_view(self, registry, space, catalog, square, digits, views):
        for start, codes in zip(square.elements, views[1], strict=True):
            for text in (
                "flip_lr",
                "rotate_cw^-1",
                "flip_lr * rotate_cw",
                "rotate_cw * flip_lr",
                "transpose",
                "rotate_180",
            ):
                target = space.encode(catalog.apply(start * catalog.word(text), digits))
                np.testing.assert_allclose(target, registry.operator(text).apply(codes), atol=1e-4)

    def test_both_orders_are_their_own(self, registry):
        first, second = registry.operator("flip_lr * rotate_cw"), registry.operator("rotate_cw * flip_lr")
        assert first.distance(second) > 0.5
        assert first.distance(registry.operator("flip_lr") @ registry.operator("rotate_cw")) == 0

    @pytest.mark.parametrize(
        "text",
        [
            "id",
            "flip_lr^2",
            "rotate_cw^-8",
            "flip_lr * rotate_cw * flip_lr * rotate_cw",
            "rotate_180 * flip_ud * flip_lr",
        ],
    )
    def test_an_identity_costs_nothing(self, registry, text):
        operator = registry.operator(text)
        assert operator.is_identity
        assert operator.word == registry.catalog.word(text)
        codes = torch.ones(2, 16)
        assert operator.apply(codes) is codes

    def test_products_powers_and_inverses_are_looked_up_again(self, registry):
        flip, turn = registry.operator("flip_lr"), registry.operator("rotate_cw")
        assert (flip @ flip).is_identity
        assert (flip @ ~flip).is_identity
        assert (turn**4).is_identity
        assert len((turn**1001).factors) == 1
        assert len((~turn).factors) == 3
        assert (turn**-1).distance(~turn) == 0
        assert (~turn).distance(registry.operator("rotate_cw^-1", reduce=False)) < 1e-12

    def test_letters_without_an_operator_are_spelt_in_those_that_have_one(self, registry, catalog):
        assert str(registry.reduced("anti_transpose * flip_ud")) == "dihedral.rotate_cw"
        assert registry.reduced("rotate_180") == catalog.word("rotate_cw^2")
        assert registry.operator("rotate_ccw").distance(registry.operator("rotate_cw^3")) < 1e-12

    def test_unreduced_words_are_multiplied_as_they_stand(self, registry):
        operator = registry.operator("flip_lr^2", reduce=False)
        assert len(operator.factors) == 2
        assert operator.distance(registry.operator("id")) < 1e-12

    def test_a_missing_operator_says_which_exist_and_how_to_add_it(self, registry):
        with pytest.raises(
            MissingOperatorError,
            match=r"^this latent space has no operator for negate \(in flip_lr \* negate\); it has flip_lr, rotate_cw; "
            r"to add one, encode images before and after negate and fit it to them$",
        ):
            registry.operator("flip_lr * negate")
        empty = OperatorRegistry(16, "x", registry.catalog)
        with pytest.raises(MissingOperatorError, match="no operator for flip_lr; it has none yet"):
            empty.operator("flip_lr")

    def test_an_unknown_name_and_a_wrong_parameter_are_the_catalogs_errors(self, registry):
        with pytest.raises(UnknownNameError, match="did you mean"):
            registry.operator("flip_rl")
        with pytest.raises(ParameterError):
            registry.operator("flip_lr(3)")

    def test_membership(self, registry):
        assert "flip_lr * rotate_cw^-2" in registry
        assert "negate" not in registry
        assert (len(registry), [word.letters[0].symbol.name for word in registry.words]) == (
            2,
            ["dihedral.flip_lr", "dihedral.rotate_cw"],
        )

    def test_entries_cannot_be_changed_from_outside(self, registry):
        with pytest.raises(TypeError):
            registry.entries[registry.words[0]] = None

    def test_removal(self, registry):
        registry.remove("flip_lr")
        assert "flip_lr" not in registry
        with pytest.raises(MissingOperatorError):
            registry.remove("flip_lr")


class TestInverses:
    @pytest.fixture
    def wide(self, space, catalog, digits, encode_views):
        registry = OperatorRegistry.of(space, catalog)
        names = ("blank", "mystery", "fade", "darken")
        words = [catalog.word(name) for name in ("id", *names)]
        registry.fit(encode_views(space, catalog, words, digits)[0], names)
        return registry

    def test_a_law_against_it_is_named(self, wide):
        with pytest.raises(NotInvertibleError, match=r"^blank has no inverse: .*extra\.blank"):
            wide.operator("blank^-1")
        with pytest.raises(NotInvertibleError, match=r"^fade has only a right inverse: .*unfade"):
            ~wide.operator("fade")

    def test_a_measurement_against_it_is_named(self, wide, catalog):
        matrix = np.eye(16)
        matrix[3] = 0
        wide.remove("mystery")
        wide.set_matrices({catalog.word("mystery"): matrix}, fit="by hand")
        with pytest.raises(NotInvertibleError, match=r"^mystery cannot be undone here: its operator has rank 15 of 16"):
            wide.operator("mystery^-1")

    def test_where_laws_are_silent_the_matrix_is_inverted(self, wide):
        assert (wide.operator("mystery") @ wide.operator("mystery^-1")).distance(wide.operator("id")) < 1e-9

    def test_the_inverse_that_a_law_names_need_not_have_an_operator(self, wide):
        assert wide.operator("darken^-1").distance(wide.operator("brighten")) < 1e-12
        assert (wide.operator("darken") @ wide.operator("brighten")).is_identity


class TestPluggingIn:
    @pytest.fixture
    def orbit(self, space, catalog, square, digits, encode_views):
        words = [*square.elements, *(h * catalog.word(b) for h in square.elements for b in ("negate", "blank"))]
        return encode_views(space, catalog, words, digits)[0]

    def test_new_operators_leave_the_others_as_they_are_and_obey_the_laws_with_them(self, registry, orbit, catalog):
        before = {word: entry.map.matrix.tobytes() for word, entry in registry.entries.items()}
        # a picture's mean brightness is only partly in sixteen components
        for name, fit, limit in [("negate", "involution", 1e-9), ("blank", "ridge", 0.6)]:
            (plan,) = registry.fit(orbit, [name])
            assert plan.fit == fit
            entry = registry.entries[catalog.word(name)]
            assert entry.provenance.details["symmetries"] == 8
            assert entry.provenance.residual < limit < entry.provenance.identity_residual
            for other in WORDS:
                one = registry.operator(f"{name} * {other}", reduce=False)
                assert one.distance(registry.operator(f"{other} * {name}", reduce=False)) < 1e-9
        assert before == {word: registry.entries[word].map.matrix.tobytes() for word in before}
        assert registry.operator("negate^2", reduce=False).distance(registry.operator("id")) < 1e-9

    def test_what_fits_to_a_group_joins_it(self, registry, orbit, catalog):
        registry.fit(orbit, ["negate"])
        known = registry.known_group()
        assert len(known.group) == 16
        assert registry.entries[catalog.word("negate")].provenance.details["generators"][-1] == "extra.negate"
        assert composition_defect(registry, catalog.word("negate"), catalog.word("rotate_cw")) < 1e-9

    def test_what_breaks_a_law_that_is_not_linear_in_it_stays_outside(self, upright, upright_views, catalog):
        registry = OperatorRegistry.of(upright, catalog)
        registry.fit(upright_views[0], ["flip_lr", "flip_ud"])
        registry.fit(upright_views[0], ["rotate_cw"])
        assert len(registry.known_group().group) == 4
        assert "generators" not in registry.entries[catalog.word("rotate_cw")].provenance.details
        around = registry.operator("flip_lr * rotate_cw * flip_lr", reduce=False)
        assert around.distance(registry.operator("rotate_cw^3", reduce=False)) > 1e-3
