"""What is read from disk and written to it: whole files or none, locks, caches, archives, and values from outside."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
