"""How good images are, and how codes lie."""
