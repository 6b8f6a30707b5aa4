"""Maps and masks in files and arrays. Each format of files is listed here; the order is that of messages."""

from .fits import FITS, HEALSPARSE
from .formats import register_format
from .zarr import ZARR

register_format(ZARR)
register_format(FITS)
register_format(HEALSPARSE)
