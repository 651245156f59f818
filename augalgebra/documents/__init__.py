"""Documents to be read in a browser: what is in one, and how it becomes a single file that needs no network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
