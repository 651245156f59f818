"""What the library is measured against, side by side: ``make bench``, or ``python -m bench --help``."""
