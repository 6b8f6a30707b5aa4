"""Pixels and where they are on the sky: the lattice, tiles, points, axes, and the kinds of grid below."""
