"""Operators on grids of codes, fitted to pictures: in closed form, then by networks through the decoder."""
