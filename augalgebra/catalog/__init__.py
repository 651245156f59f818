"""Discovery of plugins, their failures and name clashes, and the catalog of what they registered (no tensors)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
