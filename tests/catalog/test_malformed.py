"""Parameters and laws that cannot be: the plugin that has them fails alone, in one line, and no command breaks."""

from types import ModuleType

import numpy as np
import pytest

import augalgebra as aa
from augalgebra.errors import ParameterError, PluginError

NAN, INF = float("nan"), float("inf")
A, ID = aa.word_of("bad.f"), aa.Word()


class Obscure:
    """What raises whatever is asked of it."""

    def item(self) -> object:
        raise RuntimeError("no number")


def catalog_of(function: object, **keywords: object) -> aa.Catalog:
    """A catalog of a plugin that registers this function, and of another that is fine."""
    good, bad = ModuleType("good"), ModuleType("bad")

    @aa.hookimpl
    def augalg_register(register: aa.Register) -> None:
        register("good.flip", inverse="self")(lambda x: x.flip(-1))

    good.augalg_register = augalg_register

    @aa.hookimpl
    def augalg_register(register: aa.Register) -> None:
        made = {key: item() if callable(item) else item for key, item in keywords.items()}
        register("bad.f", **made)(function)

    bad.augalg_register = augalg_register
    return aa.load_catalog(aa.Settings(), modules=[bad, good], installed=False)


def reason(catalog: aa.Catalog) -> str:
    """Why the one plugin failed, seen to that the other is there."""
    bad, good = catalog.plugins
    assert (bad.status, good.status) == ("failed", "loaded")
    assert list(catalog.augmentations) == ["good.flip"]
    assert "\n" not in bad.reason
    return bad.reason


DEFAULTS = [NAN, INF, -INF, {}, {1}, 1j, b"x", object(), Obscure(), 10**400, 1e-320, (1, NAN), np.ones(2), aa.parse_law]


@pytest.mark.parametrize("default", DEFAULTS, ids=lambda default: str(default)[:20])
def test_a_default_that_cannot_stand_in_a_word_fails_its_plugin(default: object) -> None:
    def f(x: object, a: object = default) -> object:
        return x

    found = reason(catalog_of(f))
    assert found.startswith("bad.f: a: the default ")
    assert "cannot stand in a word; use finite numbers" in found


@pytest.mark.parametrize("default", [0.1, 2, True, None, "x", (1, "x"), [1, 2], np.float64(0.1), np.int64(2)], ids=repr)
def test_any_other_default_can_be_written_and_read(default: object) -> None:
    def f(x: object, a: object = default) -> object:
        return x

    catalog = catalog_of(f)
    word = catalog.word("f")
    assert catalog.word(str(word)) == word
    assert catalog.display(word) == "f"
    assert catalog.resolve("f").signature.startswith("f(a=")


PARAMS = {
    "low": lambda: [aa.Param("a", low="0")],
    "low true": lambda: [aa.Param("a", low=False, high=True)],
    "low complex": lambda: [aa.Param("a", low=1 + 2j)],
    "low infinite": lambda: [aa.Param("a", low=INF)],
    "low nan": lambda: [aa.Param("a", low=NAN)],
    "low array": lambda: [aa.Param("a", low=np.zeros(2))],
    "high": lambda: [aa.Param("a", high=10**400)],
    "default": lambda: [aa.Param("a", default=NAN)],
    "draw": lambda: [aa.Param("a", draw="x")],
    "choice": lambda: [aa.Param("a", draw=aa.choice("x"))],
    "choice of nothing": lambda: [aa.Param("a", draw=aa.choice())],
    "choice nan": lambda: [aa.Param("a", draw=aa.choice(1, NAN))],
    "choice too large": lambda: [aa.Param("a", draw=aa.choice(2**70))],
    "uniform nan": lambda: [aa.Param("a", draw=aa.uniform(NAN, 1))],
    "uniform text": lambda: [aa.Param("a", draw=aa.uniform("0", 1))],
    "uniform infinite": lambda: [aa.Param("a", draw=aa.uniform(0, INF))],
    "log_uniform": lambda: [aa.Param("a", draw=aa.log_uniform(1, None))],
    "integers": lambda: [aa.Param("a", draw=aa.integers(0.5, 3))],
    "integers too large": lambda: [aa.Param("a", draw=aa.integers(0, 2**70))],
    "another kind": lambda: [aa.Param("a", draw=aa.Distribution("normal", (0, 1)))],
    "one bound": lambda: [aa.Param("a", draw=aa.Distribution("uniform", (0,)))],
}


@pytest.mark.parametrize("name", PARAMS)
def test_a_range_or_distribution_of_no_numbers_fails_its_plugin(name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        PARAMS[name]()
    assert "\n" not in str(caught.value)
    assert reason(catalog_of(lambda x, a: x, params=PARAMS[name])) == f"ParameterError: {caught.value}"


def test_numbers_of_numpy_are_as_good() -> None:
    param = aa.Param("a", low=np.float32(0.5), high=np.int64(3), draw=aa.choice(np.int64(1), np.float64(2.5)))
    assert (param.low, param.high) == (0.5, 3)
    assert str(param.draw) == "choice(1, 2.5)"
    catalog = catalog_of(lambda x, a: x, params=[param])
    with pytest.raises(ParameterError, match=r"a must lie in \[0\.5, 3\], not 4"):
        catalog.word("f(4)")


def test_a_parameter_of_another_kind_is_refused() -> None:
    with pytest.raises(PluginError, match=r"bad\.f: its params are aa\.Param"):
        aa.Augmentation("bad.f", lambda x: x, ("a",))


LAWS = {
    "kind": (aa.Law(A, A, kind="nonsense"), "the kind of a law is one of"),
    "scope": (aa.Law(A, A, scope="nearly"), "the scope of a law is one of exact, approximate, not 'nearly'"),
    "conditions": (aa.Law(A, A, conditions=frozenset(("x",))), "the conditions of a law are a frozenset of"),
    "conditions in a set": (aa.Law(A, A, conditions={"square"}), "the conditions of a law are a frozenset of"),
    "tolerance": (aa.Law(A, A, scope="approximate", tolerance=NAN), "tolerance of a law is a positive number, not nan"),
    "no limit": (aa.Law(A, A, scope="approximate", tolerance=INF), "tolerance of a law is a positive number, not inf"),
    "side": (aa.Law("f", A), "a side of a law is a word"),
    "made up": (aa.Law(aa.Word(((aa.Symbol("a b"), 1),)), A), "expected"),
    "two of one": (
        aa.Law(aa.Word((*A.syllables, *A.syllables)), A),
        "a side of a law is a word as parse_word reads it",
    ),
    "keeps of two": (aa.Law(A**2, ID, kind="keeps", conditions=frozenset(("square",))), "'keeps' has the form a = id"),
    "keeps nothing": (aa.Law(A, ID, kind="keeps"), "says by its conditions what is kept; it has none"),
    "singular of nothing": (aa.Law(ID, ID, kind="singular"), "'singular' has the form a = id; id = id has not"),
    "singular undone": (aa.Law(~A, ID, kind="singular"), "'singular' has the form a = id"),
    "commutes": (aa.Law(ID, A, kind="commutes"), "'commutes' has the form a * b = b * a"),
    "period": (aa.Law(ID, ID, kind="period"), "'period' has the form a^n = id"),
    "involutory": (aa.Law(A**3, ID, kind="involutory"), "'involutory' has the form a^2 = id"),
    "idempotent": (aa.Law(A**3, A, kind="idempotent"), "'idempotent' has the form a^2 = a"),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_malformed_law_fails_its_plugin(name: str) -> None:
    law, message = LAWS[name]
    assert message in reason(catalog_of(lambda x: x, laws=[law]))
    others = ModuleType("others")
    others.augalg_laws = aa.hookimpl(lambda: [law], specname="augalg_laws")
    (info,) = aa.load_catalog(aa.Settings(), modules=[others], installed=False).plugins
    assert info.status == "failed"
    assert message in info.reason


@pytest.mark.parametrize(
    "law",
    [
        aa.Law(A, ID, kind="singular"),
        aa.Law(A, ID, kind="keeps", conditions=frozenset(("square", "dark border"))),
        aa.Law(A**2, ID, kind="involutory"),
        aa.Law(A**5, ID, kind="period"),
        aa.Law(A**2, A, kind="idempotent"),
        aa.Law(A * aa.word_of("good.flip"), aa.word_of("good.flip") * A, kind="commutes"),
        aa.Law(A**2, A, kind="unequal"),
        aa.Law(A**2, ID, scope="approximate", tolerance=0.1),
        aa.Law(A * aa.word_of("good.flip"), ID, kind="inverse"),
    ],
    ids=str,
)
def test_a_law_of_the_right_form_is_taken_as_it_is(law: aa.Law) -> None:
    catalog = catalog_of(lambda x: x, laws=[law])
    assert [str(law)] == [str(item) for item in catalog.laws if item.owner == "bad.f"]


@pytest.mark.parametrize("keyword", ["approximate", "tolerance"])
def test_an_error_without_limit_is_none(keyword: str) -> None:
    assert f"{keyword} is a positive number, not inf" in reason(catalog_of(lambda x: x, period=2, **{keyword: INF}))
