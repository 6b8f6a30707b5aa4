"""Shapes from and to DS9, CRTF and FITS files and `regions` objects."""
