"""The command line, the plugins, the examples and the documentation use public names only."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(path for folder in ("cli", "plugins", "examples") for path in (ROOT / folder).rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
STATEMENT = re.compile(r"^\s*(?:>>> )?(from augalgebra[\w.]* import [\w, ]+)$", re.MULTILINE)


def imported(text: str) -> Iterator[tuple[str, str]]:
    """Names that a module takes from the library, and where from; a module in itself is no name of an ``__all__``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "augalgebra":
            yield from ((node.module, item.name) for item in node.names)
        elif isinstance(node, ast.Import):
            yield from ((item.name, "") for item in node.names if item.name.startswith("augalgebra."))


def private(text: str) -> list[str]:
    """The names in it that no ``__all__`` names."""
    return [
        f"{module}: {name}"
        for module, name in imported(text)
        if name not in getattr(importlib.import_module(module), "__all__", ())
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_uses_public_names(path: Path) -> None:
    assert [] == private(path.read_text())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_uses_public_names(path: Path) -> None:
    assert [] == private("\n".join(STATEMENT.findall(path.read_text())))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_uses_public_names_and_keeps_no_output(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [] == private("\n".join("".join(cell["source"]) for cell in cells))
    assert [] == [cell["outputs"] for cell in cells if cell["outputs"] or cell["execution_count"] is not None]


def test_a_private_name_is_found() -> None:
    assert ["augalgebra.storage.files: _sync"] == private("from augalgebra.storage.files import _sync, write")
    assert ["augalgebra.catalog.loading: "] == private("import augalgebra.catalog.loading")
