"""Finding and loading plugins, and the catalog of what they registered. No tensors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
