"""Laws on images: checked, discovered and proposed; pipelines undone. Every report is data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
