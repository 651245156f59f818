"""Finite groups, their irreducible representations, and the representation nearest to fitted matrices."""
