"""In ``equals=``, ``inverse=`` and ``commutes_with=`` an augmentation may name its own parameters; laws say which."""

import textwrap
from types import ModuleType

import pytest

import augalgebra as aa

SOURCE = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("tw.turn", additive="degrees", params=[aa.Param("degrees", low=-9, high=9)])
    def turn(x, degrees):
        return x + degrees

    @register("tw.spin", {keywords}, params=[aa.Param("degrees", low=-9, high=9{draw})])
    def spin(x, degrees):
        return x + degrees
"""


def catalog_of(keywords: str, draw: str = "") -> aa.Catalog:
    plugin = ModuleType("tw")
    exec(textwrap.dedent(SOURCE.format(keywords=keywords, draw=draw)), plugin.__dict__)
    catalog = aa.load_catalog(aa.Settings(), modules=[plugin], installed=False)
    assert [info.status for info in catalog.plugins] == ["loaded"]
    assert not catalog.dangling
    return catalog


def laws_of(catalog: aa.Catalog) -> list[str]:
    return [catalog.display(law) for law in catalog.laws if law.owner == "tw.spin"]


OWN = {
    "equals='turn(degrees)'": ["spin(degrees) = turn(degrees)"],
    "equals='turn(degrees=degrees)'": ["spin(degrees) = turn(degrees)"],
    "inverse='turn(-degrees)'": ["spin(degrees) * turn(-degrees) = id", "turn(-degrees) * spin(degrees) = id"],
    "commutes_with=['turn(degrees)']": ["spin(degrees) * turn(degrees) = turn(degrees) * spin(degrees)"],
    "inverse='spin(-degrees)'": ["spin(degrees) * spin(-degrees) = id", "spin(-degrees) * spin(degrees) = id"],
}


@pytest.mark.parametrize("draw", ["", ", draw=aa.uniform(1, 2)"])
@pytest.mark.parametrize("keywords", OWN)
def test_an_own_parameter_is_meant(keywords: str, draw: str) -> None:
    catalog = catalog_of(keywords, draw)
    assert OWN[keywords] == laws_of(catalog)
    assert {("tw.spin.degrees",)} == {tuple(law.variables) for law in catalog.laws if law.owner == "tw.spin"}


def test_the_same_value_is_meant_on_both_sides() -> None:
    catalog = catalog_of("equals='turn(degrees)'")
    assert catalog.equal("spin(3)", "turn(3)").equal is True
    assert catalog.equal("spin(3)", "turn(2)").equal is not True


def test_it_holds_on_images() -> None:
    pytest.importorskip("torch")
    catalog = catalog_of("equals='turn(degrees)'")
    assert ["holds"] == [result.verdict for result in aa.check_laws(catalog, ["tw.spin"]).results]


DIFFERENT = {
    "equals='turn'": "spin(spin.degrees) = turn(turn.degrees)",
    "laws=['spin = turn(degrees)']": "spin(spin.degrees) = turn(degrees)",
    "laws=['spin = turn(spin.degrees)']": "spin(tw.spin.degrees) = turn(spin.degrees)",
    "laws=['spin(degrees) = turn(degrees)']": "spin(degrees) = turn(degrees)",
    "laws=['spin(a) * turn = turn * spin(a)']": "spin(a) * turn(degrees) = turn(degrees) * spin(a)",
    "commutes_with=['turn']": "spin(spin.degrees) * turn(turn.degrees) = turn(turn.degrees) * spin(spin.degrees)",
}


@pytest.mark.parametrize("keywords", DIFFERENT)
def test_different_variables_are_shown_differently(keywords: str) -> None:
    catalog = catalog_of(keywords)
    assert [DIFFERENT[keywords]] == laws_of(catalog)
    (law,) = [law for law in catalog.laws if law.owner == "tw.spin"]
    assert len(law.variables) == len(aa.parse_law(catalog.display(law)).variables)
