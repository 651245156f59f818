"""The plugin keeps every promise, and its laws hold."""

from augalgebra.testing import assert_conforms


def test_the_plugin_conforms() -> None:
    """All of them at once."""
    assert_conforms("augalg_example")
