"""Codes that trainers cached: described, moved, augmented, verified, stripped; and moved on the fly."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
