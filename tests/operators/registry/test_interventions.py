"""Operators of what has no inverse, on planted codes: a linear structural causal model behind a change of basis."""

import numpy as np
import pytest

import augalgebra as aa
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.errors import FitError, NotInvertibleError, OrbitError, RankError
from augalgebra.operators import OperatorRegistry, ViewMoments, choose, relation_residuals

DIM = 9
WORDS = ["do_light(10)", "do_light(-20)", "do_angle(5)", "do_angle(30)", "do_shadow_length(4)", "do_shadow_position(9)"]
EFFECTS = {"light": (), "angle": (), "shadow_length": ("light", "angle"), "shadow_position": ("light", "angle")}
CATALOG = aa.load_catalog(aa.Settings())


class Space:
    dim = DIM

    def fingerprint(self) -> str:
        return "planted"


class Planted:
    """Concepts of one coordinate each and five of content, mixed; the effects are linear in their causes."""

    def __init__(self, *, noise: float = 0.0, bend: float = 0.0, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.mixing = generator.normal(size=(DIM, DIM)) + 2 * np.eye(DIM)
        self.centre = generator.normal(size=DIM)
        self.noise, self.bend, self.generator = noise, bend, generator
        self.causes = generator.normal(size=(4000, 2))
        self.content = generator.normal(size=(4000, DIM - 4)) + 0.3 * self.causes[:, :1]

    def encode(self, word: Word) -> np.ndarray:
        light, angle = self.causes.T
        given = {letter.symbol.name.rpartition("do_")[2]: float(letter.symbol.args[0]) / 10 for letter in word.letters}
        light = np.full_like(light, given["light"]) if "light" in given else light
        angle = np.full_like(angle, given["angle"]) if "angle" in given else angle
        cast = (0.7 * light - 0.4 * angle + 1 + self.bend * light * angle, -0.5 * light + 0.9 * angle)
        shadow = [
            np.full_like(light, given[name]) if name in given else caused
            for name, caused in zip(("shadow_length", "shadow_position"), cast, strict=True)
        ]
        codes = np.column_stack([light, angle, *shadow, self.content]) @ self.mixing + self.centre
        return codes + self.noise * self.generator.normal(size=codes.shape)

    def registry(self, words: list[str], fit: str | None = None) -> OperatorRegistry:
        views = [IDENTITY, *map(CATALOG.word, words)]
        moments = ViewMoments(views, DIM)
        moments.add(np.stack([self.encode(view) for view in views]))
        registry = OperatorRegistry.of(Space(), CATALOG)
        registry.fit(moments, words, fit)
        return registry


def error(planted: Planted, registry: OperatorRegistry, word: str) -> float:
    """Squared error over the variance of the target about its mean over all views."""
    operator, target = registry.operator(word, reduce=False), planted.encode(CATALOG.word(word))
    moved = planted.encode(IDENTITY) @ operator.matrix + operator.shift
    return float(np.square(moved - target).sum() / np.square(target - target.mean(0)).sum())


def worst_relation(registry: OperatorRegistry) -> float:
    found = relation_residuals(registry, CATALOG, registry.words)
    assert len([item for item in found if item.residual is not None]) >= 3
    return max(item.residual for item in found if item.residual is not None)


def test_the_laws_choose_interventions_and_say_what_causes_what() -> None:
    (plan,) = choose(CATALOG, [CATALOG.word(word) for word in WORDS])
    assert plan.fit == "intervention"
    short = {
        name.rpartition("do_")[2]: {cause.rpartition("do_")[2] for cause in causes}
        for name, causes in plan.causes.items()
    }
    assert short == {name: set(causes) for name, causes in EFFECTS.items()}
    mixed = choose(CATALOG, [CATALOG.word(word) for word in ("flip_lr", "do_light(3)", "threshold(0.5)")])
    assert [(plan.fit, len(plan.operators)) for plan in mixed] == [
        ("representation", 1),
        ("ridge", 1),
        ("intervention", 1),
    ]


def test_planted_interventions_are_found() -> None:
    planted = Planted()
    registry = planted.registry(WORDS)
    for word in WORDS:
        assert error(planted, registry, word) < 1e-6, word
        details = registry.entries[CATALOG.word(word)].provenance.details
        assert details["coordinates"] == 1
        assert registry.operator(word).rank == DIM - (1 if "shadow" in word else 3)
    assert worst_relation(registry) < 1e-10
    for word in (
        "do_light(10) * do_angle(30)",
        "do_shadow_length(4) * do_shadow_position(9)",
        "do_angle(5) * do_shadow_length(4)",
    ):
        assert error(planted, registry, word) < 1e-6, word


@pytest.mark.parametrize(("noise", "bend"), [(0.3, 0.0), (0.0, 0.5), (0.2, 0.3)])
def test_the_laws_hold_to_rounding_whatever_the_codes_are(noise: float, bend: float) -> None:
    planted = Planted(noise=noise, bend=bend)
    registry = planted.registry(WORDS)
    assert worst_relation(registry) < 1e-9
    by_least_squares = Planted(noise=noise, bend=bend).registry(WORDS, "ridge")
    assert worst_relation(by_least_squares) > 1e-3
    for word in WORDS:
        assert error(planted, registry, word) < 3 * error(planted, by_least_squares, word) + 0.1, word


def test_products_are_simplified_and_nothing_is_undone() -> None:
    registry = Planted().registry(WORDS)
    word = registry.operator("do_shadow_length(4) * do_light(10)")
    assert word.distance(registry.operator("do_light(10)")) == 0
    with pytest.raises(NotInvertibleError, match="has no inverse"):
        registry.operator("do_light(10)^-1")
    apart = registry.operator("do_light(10) * do_shadow_length(4)").distance(registry.operator("do_light(10)"))
    assert apart > 0.01


def test_an_effect_alone_needs_no_causes() -> None:
    planted = Planted()
    registry = planted.registry(["do_shadow_length(4)", "do_light(10)"])
    assert worst_relation(registry) < 1e-10
    assert error(planted, registry, "do_shadow_length(4)") < 1e-6


def test_what_the_laws_do_not_allow_is_refused() -> None:
    moments = ViewMoments([IDENTITY], DIM)
    moments.add(Planted().encode(IDENTITY)[None])
    registry = OperatorRegistry.of(Space(), CATALOG)
    with pytest.raises(FitError, match="no law says that flip_lr overwrites all others"):
        registry.fit(moments, ["flip_lr"], "intervention")
    with pytest.raises(FitError, match=r"no law says that flip_lr \* flip_lr = flip_lr"):
        registry.fit(moments, ["flip_lr"], "projection")
    with pytest.raises(OrbitError, match="encode the view"):
        registry.fit(moments, ["do_light(3)"])
    same = ViewMoments([IDENTITY, *map(CATALOG.word, ("do_light(3)", "do_angle(5)"))], DIM)
    codes = Planted().encode(IDENTITY)
    same.add(np.stack([codes, codes, Planted().encode(CATALOG.word("do_angle(5)"))]))
    with pytest.raises(RankError, match="do_light moves no code"):
        registry.fit(same, ["do_light(3)", "do_angle(5)"])


def test_a_projection_is_idempotent_and_found() -> None:
    generator = np.random.default_rng(4)
    basis = generator.normal(size=(DIM, DIM))
    planted = basis @ np.diag([1.0] * 6 + [0.0] * 3) @ np.linalg.inv(basis)
    codes = generator.normal(size=(3000, DIM)) @ generator.normal(size=(DIM, DIM)) + 1
    for noise in (0.0, 0.05):
        moved = codes @ planted + noise * generator.normal(size=codes.shape)
        moments = ViewMoments([IDENTITY, CATALOG.word("threshold(0.5)")], DIM)
        moments.add(np.stack([codes, moved]))
        registry = OperatorRegistry.of(Space(), CATALOG)
        registry.fit(moments, ["threshold(0.5)"], "projection")
        operator = registry.operator("threshold(0.5)")
        assert (operator @ operator).distance(operator) < 1e-10
        assert np.abs(operator.matrix @ operator.matrix - operator.matrix).max() < 1e-10
        assert operator.rank == 6
        assert np.abs(operator.matrix - planted).max() < 0.1 * (noise > 0) + 1e-4
