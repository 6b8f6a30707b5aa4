"""Catalogues: tables in files, and their columns as positions and angles. The door is `read_circles`."""
