"""Pipelines of augmentations, reduced by their algebra: fewer steps, and the reason for each change."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
