"""How far operators are from the laws of what they stand for: planted faults of known size."""

import math

import numpy as np
import pytest

from augalgebra import Settings, load_catalog
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.cases import Relabelling
from augalgebra.consistency.relations import relation_residuals
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.operator import Factor, Operator, Readout

MIRROR, TURN = np.diag([1.0, -1.0]), np.array([[0.0, -1.0], [1.0, 0.0]])


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    import augalg_dihedral

    return load_catalog(Settings(), modules=[augalg_dihedral], installed=False)


class Source:
    """The operators of two letters, multiplied; products may be overruled."""

    def __init__(self, flip_lr, rotate_cw, *, overruled=None, readout=None, shift=None):
        zero = np.zeros(2)
        self.maps = {
            "flip_lr": AffineMap(flip_lr, zero if shift is None else shift),
            "rotate_cw": AffineMap.linear(rotate_cw),
        }
        self.overruled, self.readout = overruled or {}, readout

    def operator(self, word: Word) -> Operator:
        factors = []
        for symbol, inverse in word.letters:
            name = symbol.name.rpartition(".")[2]
            factor = Factor(self.maps[name], name, self.readout)
            factors.append(factor.inverse() if inverse else factor)
        names = tuple(factor.label for factor in factors)
        if names in self.overruled:
            factors = [Factor(AffineMap.linear(self.overruled[names]), "overruled")]
        return Operator(2, tuple(factors), word, str(word))


def residuals(catalog, source, source_kind="law", names=("rotate_cw", "flip_lr"), relabelling=None):
    words = [catalog.word(name) for name in names]
    found = relation_residuals(source, catalog, words, 2, relabelling)
    return {item.equation: item.residual for item in found if item.source == source_kind}


def test_a_true_representation_fulfils_every_law(catalog):
    found = residuals(catalog, Source(MIRROR, TURN))

    assert {"flip_lr^2 = id", "rotate_cw^4 = id"} <= set(found)
    assert max(found.values()) == pytest.approx(0, abs=1e-6)


def test_the_residual_has_the_planted_size(catalog):
    found = residuals(catalog, Source(1.1 * MIRROR, TURN))

    assert found["rotate_cw^4 = id"] == pytest.approx(0, abs=1e-6)
    # (1.1)^2 - 1 on both coordinates: a Frobenius norm of 0.21 √2, over √2
    assert found["flip_lr^2 = id"] == pytest.approx(0.21, rel=1e-5)


def test_generators_that_are_fine_alone_can_miss_the_relation_between_them(catalog):
    shear = np.array([[1.0, 1.0], [0.0, 1.0]])
    found = residuals(catalog, Source(MIRROR, np.linalg.inv(shear) @ TURN @ shear))

    assert found["flip_lr^2 = id"] == pytest.approx(0, abs=1e-6)
    assert found["rotate_cw^4 = id"] == pytest.approx(0, abs=1e-5)
    assert found["rotate_cw * flip_lr * rotate_cw = flip_lr"] > 0.5


def test_a_wrong_angle_misses_the_period(catalog):
    angle = 0.3
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    # four turns by an angle differ from none by 2 sin(2 angle) in each direction
    assert residuals(catalog, Source(MIRROR, turned))["rotate_cw^4 = id"] == pytest.approx(
        2 * math.sin(2 * angle), rel=1e-5
    )


def test_a_shift_counts_too(catalog):
    found = residuals(catalog, Source(MIRROR, TURN, shift=np.array([3.0, 0.0])))

    # z M + s twice is z + s M + s = z + (6, 0)
    assert found["flip_lr^2 = id"] == pytest.approx(6 / math.sqrt(2), rel=1e-5)


def test_a_kept_product_is_compared_with_the_product(catalog):
    wrong = {("rotate_cw", "flip_lr"): np.eye(2)}
    found = residuals(catalog, Source(MIRROR, TURN, overruled=wrong), "composition")

    assert found["L(flip_lr * rotate_cw) = L(flip_lr) L(rotate_cw)"] == pytest.approx(0, abs=1e-6)
    expected = np.linalg.norm(TURN @ MIRROR - np.eye(2)) / math.sqrt(2)
    assert found["L(rotate_cw * flip_lr) = L(rotate_cw) L(flip_lr)"] == pytest.approx(expected, rel=1e-5)


def test_readouts_are_left_out(catalog):
    readout = Readout("half", AffineMap.linear(np.eye(2) / 2))
    source = Source(MIRROR, TURN, readout=readout)

    assert source.operator(catalog.word("flip_lr")).matrix.tolist() == (MIRROR / 2).tolist()
    assert max(residuals(catalog, source).values()) == pytest.approx(0, abs=1e-6)
    assert max(residuals(catalog, source, "composition").values()) == pytest.approx(0, abs=1e-6)


def test_relabelled_operators_are_held_to_the_laws_of_the_new_ones(catalog):
    meaning = Relabelling(catalog, {"transpose": "rotate_cw", "flip_ud": "flip_lr"})
    found = residuals(catalog, Source(MIRROR, TURN), names=("transpose", "flip_ud"), relabelling=meaning)

    # a quarter turn is no involution
    assert found["transpose^2 = id"] == pytest.approx(2, rel=1e-5)
    assert found["flip_ud^2 = id"] == pytest.approx(0, abs=1e-6)


def test_the_worst_comes_first(catalog):
    words = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    found = [item.residual for item in relation_residuals(Source(1.1 * MIRROR, TURN), catalog, words, 2)]

    assert found == sorted(found, reverse=True)
