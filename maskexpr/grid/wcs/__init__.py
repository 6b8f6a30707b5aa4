"""Grids that a FITS header describes."""
