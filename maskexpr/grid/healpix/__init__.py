"""HEALPix: cells of equal area in nested order."""
