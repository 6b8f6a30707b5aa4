"""The kinds of inputs, by the names that ``--kind`` takes."""

from __future__ import annotations

from typing import Final

from .catalogues import CATALOGUES
from .expressions import EXPRESSIONS
from .kind import Kind
from .maps import HEADERS, MAPS, STORES
from .mocs import MOCS
from .recipes import RECIPES
from .regions import CRTF_FILES, DS9_TEXTS, FITS_FILES

__all__ = ["KINDS"]

KINDS: Final[dict[str, Kind]] = {
    "ds9": DS9_TEXTS,
    "crtf": CRTF_FILES,
    "regions": FITS_FILES,
    "headers": HEADERS,
    "maps": MAPS,
    "stores": STORES,
    "mocs": MOCS,
    "catalogues": CATALOGUES,
    "expressions": EXPRESSIONS,
    "recipes": RECIPES,
}
