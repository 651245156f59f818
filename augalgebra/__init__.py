"""Augmentations as elements of an algebra.

The names here are loaded when they are first used: what a plugin needs loads no tensor library. More of each wing is
in `augalgebra.algebra`, `augalgebra.catalog`, `augalgebra.checks`, `augalgebra.latent`, `augalgebra.operators`,
`augalgebra.training` and `augalgebra.runs`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
