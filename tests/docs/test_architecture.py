"""The page for contributors names what is there, in the order that the import contract holds."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PICTURE = ROOT / "docs/images/architecture.svg"
SVG = "{http://www.w3.org/2000/svg}"


def wings() -> list[str]:
    """The folders of the library, from the lowest to the highest."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "the library's wings")
    names = [name for layer in reversed(layers) for name in re.split(r" [|:] ", layer)]
    return [name for name in names if (ROOT / "augalgebra" / name).is_dir()]


def test_the_table_has_every_wing_in_the_order_of_the_contract() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert [name for name in rows if name in wings()] == wings()


def test_the_picture_has_every_wing_in_the_order_of_the_contract() -> None:
    texts = [text.text for text in ElementTree.parse(PICTURE).iter(f"{SVG}text")]
    assert [name for name in reversed(texts) if name in wings()] == wings()


def test_the_picture_is_told_to_those_who_cannot_see_it() -> None:
    picture = ElementTree.parse(PICTURE).getroot()
    labels = (picture.get("aria-labelledby") or "").split()
    told = {element.get("id"): element.text for element in picture}
    assert picture.get("role") == "img"
    assert [name for name in ("word", "batch", "operator", "registration") if f"{name}:" not in told[labels[1]]] == []


def test_every_file_that_is_named_is_there() -> None:
    named = [name for name in re.findall(r"`([\w/.]+)`", PAGE) if name.endswith((".py", ".pyi", ".md", ".toml"))]
    places = (ROOT, ROOT / "augalgebra", ROOT / "augalgebra/algebra")
    assert named
    assert [name for name in set(named) - EXAMPLES if not any((place / name).exists() for place in places)] == []


EXAMPLES = {"run.toml", "augalg.toml"}
