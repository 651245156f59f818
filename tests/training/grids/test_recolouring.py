"""Other colours for crops."""

import torch

from augalgebra.training.grids.recolouring import LEAST_GAIN, recolour_every_second


def ramps(number: int) -> list[torch.Tensor]:
    """Crops whose channels go evenly from black to white, each in a direction of its own."""
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    return [torch.stack([17 * rows, 17 * columns, 255 - 17 * rows]).to(torch.uint8)] * number


def test_every_second_crop_keeps_its_colours_and_none_is_clipped() -> None:
    before = ramps(40)
    after = list(recolour_every_second(before))
    assert all(torch.equal(*pair) for pair in list(zip(before, after, strict=True))[::2])
    changed = torch.stack(after[1::2]).float()
    spans = changed.amax((2, 3)) - changed.amin((2, 3))
    assert bool((spans >= LEAST_GAIN * 255 - 1).all())
    assert float(spans.max() - spans.min()) > 50
    # a clipped ramp would have two rows or columns of one value
    flat = changed.flatten(2).sort(2).values[:, :, ::16]
    assert bool((flat.diff(dim=2) >= 9).all())


def test_channels_change_places_and_the_seed_decides() -> None:
    def along_rows(seed: int) -> list[list[bool]]:
        crops = list(recolour_every_second(ramps(20), seed))[1::2]
        return [[bool((channel[:, 0] == channel[0, 0]).all()) for channel in crop] for crop in crops]

    assert along_rows(0) == along_rows(0) != along_rows(1)
    assert 3 == len({tuple(item) for item in along_rows(0)})  # wherever the channel stands
