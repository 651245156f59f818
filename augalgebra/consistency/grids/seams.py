"""Where a word tears neighbours apart, as a roll does at the border that comes to lie inside the picture."""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.functional import max_pool2d

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.checks.inversion.pixel_maps import SourceMap, source_map
from augalgebra.errors import AugalgebraError

_NEXT = 1.5  # pixels between places that still are neighbours


def tell_parts(catalog: Catalog, word: Word, size: tuple[int, int], reach: int) -> dict[str, Bool[Tensor, "h w"]]:
    """The inside and the border of pictures under a word that tears neighbours apart.

    An autoencoder that sees both sides of a tear draws other things there than one that saw the border of the picture.

    Args:
        catalog: Applies the word.
        word: The word.
        size: Height and width of the pictures.
        reach: Pixels beside a tear, or beside the rim of the picture, that count as border.

    Returns:
        ``inside`` and ``border`` as masks of the moved picture. Nothing where the word tears nothing apart, changes
        values, or leaves no inside.
    """
    try:
        found = source_map(lambda images: catalog.apply(word, images), size)
    except AugalgebraError:
        return {}
    tears = _tears(found)
    if not bool(tears.any()):
        return {}
    tears[0], tears[-1], tears[:, 0], tears[:, -1] = True, True, True, True
    border = max_pool2d(tears[None, None].float(), 2 * reach + 1, stride=1, padding=reach)[0, 0] > 0
    return {} if bool(border.all()) else {"inside": ~border, "border": border}


def _tears(found: SourceMap) -> Bool[Tensor, "h w"]:
    """Pixels that stand beside one that comes from elsewhere, or that show nothing of the picture."""
    x, y = found.x[0], found.y[0]
    torn = ~found.inside[0]
    across = torch.maximum((x[:, 1:] - x[:, :-1]).abs(), (y[:, 1:] - y[:, :-1]).abs()) > _NEXT
    down = torch.maximum((x[1:] - x[:-1]).abs(), (y[1:] - y[:-1]).abs()) > _NEXT
    torn[:, 1:] |= across
    torn[:, :-1] |= across
    torn[1:] |= down
    torn[:-1] |= down
    return torn
