"""Names in the laws of families: when they tie two parameters together."""

from collections.abc import Sequence

import pytest

import augalgebra as aa


def law_of(text: str, *, others: Sequence[str] = ()) -> str:
    """How the catalog understands a law of an augmentation ``acme.turn(degrees, fill=0)``."""

    class Acme:
        __name__ = "acme"

        @aa.hookimpl
        def augalg_register(self, register: aa.Register) -> None:
            @register("turn", laws=[text])
            def turn(x: object, degrees: float, fill: float = 0) -> object:
                return x

            @register("bend", params=[aa.Param("degrees", draw=aa.uniform(1, 2))])
            def bend(x: object, degrees: float) -> object:
                return x

    catalog = aa.load_catalog(aa.Settings(), modules=[Acme()], installed=False)
    assert catalog.dangling == ()
    (law,) = catalog.laws
    return str(law)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        # the bare name stands for all parameters, and the names of parameters then for those
        (
            "turn * turn(-degrees) = id",
            "acme.turn(acme.turn.degrees, acme.turn.fill) * acme.turn(-acme.turn.degrees, acme.turn.fill) = id",
        ),
        (
            "bend * bend(-degrees) = id",
            "acme.bend(acme.bend.degrees) * acme.bend(-acme.bend.degrees) = id",
        ),
        # without a bare name they are variables like any other, and tie families together
        (
            "bend(degrees) * turn(degrees) = turn(degrees, 1)",
            "acme.bend(degrees) * acme.turn(degrees, 0) = acme.turn(degrees, 1)",
        ),
        ("turn(a) * turn(b) = turn(a + b)", "acme.turn(a, 0) * acme.turn(b, 0) = acme.turn(a + b, 0)"),
        ("turn(a, f) * turn(b, f) = id", "acme.turn(a, f) * acme.turn(b, f) = id"),
    ],
)  # fmt: skip
def test_names_between_brackets(text: str, meaning: str) -> None:
    assert law_of(text) == meaning


def test_the_inverse_of_a_family_may_be_named_by_its_parameter() -> None:
    class Acme:
        __name__ = "acme"

        @aa.hookimpl
        def augalg_register(self, register: aa.Register) -> None:
            @register("turn", inverse="turn(-degrees)")
            def turn(x: object, degrees: float) -> object:
                return x

    catalog = aa.load_catalog(aa.Settings(), modules=[Acme()])
    assert catalog.equal("turn(3) * turn(-3)", "id").equal
    assert not catalog.equal("turn(3) * turn(-4)", "id").equal
    assert catalog.inverse("turn(3)").word == catalog.word("turn(-3)")
