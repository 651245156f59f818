"""Latent spaces by what they are called."""

import pytest

from augalgebra.errors import ParameterError, UnknownNameError
from augalgebra.latent import open_space


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown kind of latent space 'taeds'; did you mean taesd\?"):
        open_space("taeds:folder")


@pytest.mark.parametrize("spec", ["", "taesd", "taesd:", "/models/taesd"])
def test_what_has_another_form_is_refused_with_the_form(spec: str) -> None:
    with pytest.raises(ParameterError, match=f"as KIND:FOLDER, not '{spec}'; one of taesd:FOLDER"):
        open_space(spec)
