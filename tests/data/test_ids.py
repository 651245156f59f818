"""Numbers of images, which decide what is drawn for each: any size in constant memory, one for each, none negative."""

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

from augalgebra import load_catalog
from augalgebra.errors import ImageError
from augalgebra.parameters import choice, integers, log_uniform, uniform

CATALOG = load_catalog()
SHEAR = CATALOG.augmentations["affine.shear_x"]
KEY = "affine.shear_x.degrees"


def one_after_the_other(distribution, seed: int, digest: int, ids: list[int]) -> list[float]:
    """The definition: value n is the n-th of one stream, which is drawn from its beginning."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, digest])))
    return distribution.draw(generator, max(ids) + 1)[ids].tolist()


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("ids", [[0, 1, 2], [5, 3, 3, 70], [59_999, 1, 12], list(range(300)), [4]])
@pytest.mark.parametrize("distribution", [uniform(-50, -45), log_uniform(1, 9), integers(0, 10**7), choice(1, 2, 3)])
def test_values_are_those_of_the_whole_stream(distribution, ids: list[int], seed: int) -> None:
    param = SHEAR.params[0]
    augmentation = replace(SHEAR, params=(replace(param, draw=distribution),))
    digest = int.from_bytes(sha256(KEY.encode()).digest()[:8], "little")
    assert one_after_the_other(distribution, seed, digest, ids) == augmentation.draw(seed, ids)[KEY].tolist()


def test_an_image_draws_the_same_alone_and_in_any_batch() -> None:
    together = SHEAR.draw(3, [10**8, 4, 2**63 - 1, 10**8])[KEY]
    assert [SHEAR.draw(3, [number])[KEY][0] for number in (10**8, 4, 2**63 - 1, 10**8)] == together.tolist()


def test_values_of_earlier_releases_are_kept() -> None:
    blur = CATALOG.augmentations["filters.gaussian_blur"].draw(7, [0, 12])
    np.testing.assert_allclose([-46.75827794, -47.5892174, -48.6061113], SHEAR.draw(0, [0, 1, 69_999])[KEY], rtol=1e-9)
    np.testing.assert_allclose([1.70771818, 1.11336032], blur["filters.gaussian_blur.sigma"], rtol=1e-8)
    assert CATALOG.augmentations["noise.sap_noise"].draw(7, [0, 12])["noise.sap_noise.seed"].tolist() == [
        3226959,
        8202425,
    ]


def test_a_large_id_takes_no_memory() -> None:
    script = (
        "import resource, torch\n"
        "from augalgebra import load_catalog\n"
        "catalog, images = load_catalog(), torch.rand(3, 1, 8, 8)\n"
        "catalog.apply('shear_x', images)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "catalog.apply('shear_x', images, ids=[10**8, 0, 2**62])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 16 * 2**20


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([0, -1], r"whole numbers from 0 to 2⁶³ - 1, but ids\[1\] is -1$"),
        ([0.0, 1.5], r"ids\[0\] is 0.0$"),
        (np.array([0, 1.5]), "whole numbers"),
        ([float("nan"), 1], "is nan"),
        ([2**63, 0], r"ids\[0\] is 9[.]?2233720"),
        ([0, 10**30], r"ids\[1\] is 10000"),
        ([True, False], "is True"),
        (["0", "1"], "is 0$"),
        ([0], r"2 images need one id each, not ids of shape \[1\]"),
        ([0, 1, 2], r"2 images need one id each, not ids of shape \[3\]"),
        ([[0, 1]], r"not ids of shape \[1, 2\]"),
        (0, r"not ids of shape \[\]"),
    ],
    ids=str,
)
@pytest.mark.parametrize("word", ["shear_x", "flip_lr", "id"])
def test_what_is_no_number_of_an_image_is_refused(word: str, ids, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        CATALOG.apply(word, torch.rand(2, 1, 8, 8), ids=ids)


def test_ids_may_be_a_range_an_array_or_a_tensor() -> None:
    images = torch.rand(2, 1, 8, 8)
    expected = CATALOG.apply("shear_x", images, ids=[4, 5])
    for ids in (range(4, 6), np.array([4, 5], np.uint8), torch.tensor([4, 5])):
        assert torch.equal(expected, CATALOG.apply("shear_x", images, ids=ids))
