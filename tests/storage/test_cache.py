"""What was computed before."""

import json
from pathlib import Path

import pytest

from augalgebra.errors import RunError
from augalgebra.storage.cache import digest_of, keep, load_cached, recall, remember


def test_a_digest_depends_on_values_and_not_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2.5, "ü"]}) == digest_of({"b": [2.5, "ü"], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
    # what was kept by versions before is found
    assert digest_of("x", [1, None]) == "18283f457831196f611a3d2c55088536ec29344d4e75a8d75c17cbcd5d347ed3"


def test_a_result_is_found_while_nothing_that_it_depends_on_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.json"
    assert load_cached(path, "comparison", "settings") is None
    keep(path, "comparison", "settings", {"values": (1, float("nan"))})
    found = load_cached(path, "comparison", "settings")
    assert found == {"kind": "augalgebra.comparison", "settings": "settings", "values": [1, None]}
    assert load_cached(path, "comparison", "others") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is damaged"), ("[1]", "is no comparison"), ('{"kind": "augalgebra.sweep"}', "is no comparison")],
)
def test_what_is_no_such_result_is_an_error_that_names_it(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(RunError, match=rf"result\.json {message}"):
        load_cached(path, "comparison", "settings")


def test_remembering_is_never_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    assert recall(path) is None
    remember(path, {"names": ("a", "\udcff")})
    assert recall(path) == {"names": ["a", "\udcff"]}
    path.write_text("{")
    assert recall(path) is None
    remember(path / "below", {})  # a file is in the way
    assert json.dumps(recall(path / "below")) == "null"
