"""Files of MOCs: FITS, JSON and ASCII, as the standard of the IVOA has them."""
