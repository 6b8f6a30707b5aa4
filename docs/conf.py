"""Sphinx: warnings are errors (`make docs`); the blocks of the pages run in tests/test_docs.py."""

from importlib.metadata import version as installed

project = "maskexpr"
author = "The maskexpr developers"
copyright = "The maskexpr developers"
release = installed("maskexpr")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
# .rst: what autosummary generates.
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's Parameters sections say it in the reader's words
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "maskexpr"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
