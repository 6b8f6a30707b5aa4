"""Sphinx: warnings are errors (`make docs`); the blocks of the pages run in tests/test_docs.py."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]
import reference
from examples.page_images import draw
from numpydoc.xref import DEFAULT_LINKS

project = "maskexpr"
author = "The maskexpr developers"
copyright = "The maskexpr developers"
release = installed("maskexpr")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
]
# .rst: what autosummary generates.
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
# Functions in it cannot be pickled, so that the environment is made anew each time.
suppress_warnings = ["config.cache"]
autosummary_context = {"members_of": reference.members_of, "inherits_verbs": reference.is_a_mask}
autodoc_typehints = "none"  # numpydoc's Parameters sections say it in the reader's words
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "maskexpr"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_static_path = ["_static"]
html_css_files = ["maskexpr.css"]
# A page that has none below it leaves the room of a navigation to its code.
html_sidebars = {path.stem: [] for path in DOCS.glob("*.md") if path.stem not in ("api", "api-extend")}

# Where the pages of other projects stand, and a few names of each with their pages, so that these are links without the
# network too; `make docs ONLINE=1` asks the projects themselves: docs/decisions/docs-offline.md.
PEERS = {
    "numpy": "https://numpy.org/doc/stable/",
    "xarray": "https://docs.xarray.dev/en/stable/",
    "dask": "https://docs.dask.org/en/stable/",
    "astropy": "https://docs.astropy.org/en/stable/",
    "regions": "https://astropy-regions.readthedocs.io/en/stable/",
    "gammapy": "https://docs.gammapy.org/2.1/",
}
ONLINE = bool(os.environ.get("ONLINE"))
intersphinx_mapping = {name: (url, None if ONLINE else f"inventories/{name}.txt") for name, url in PEERS.items()}
# The types of our numpydoc sections, as links to theirs. Words that are no type, and those of Python, stay as they are.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | reference.peers_types(PEERS)


def check_peers(app, env):
    """Warn, which is an error, of a name whose page is elsewhere than docs/inventories says: with ONLINE=1, by what the
    projects say today.
    """
    from sphinx.ext.intersphinx import InventoryAdapter
    from sphinx.util import logging

    found = InventoryAdapter(env).named_inventory
    for project, url in PEERS.items():
        for name, page in reference.peers_names(project).items():
            item = found.get(project, {}).get("py:class", {}).get(name)
            if item is None or item.uri != f"{url}{page}#{name}":
                logging.getLogger(__name__).warning("%s has %s elsewhere than at %s", project, name, page)


def check_reference(app, env):
    """Warn, which is an error, of a public name or method that no page documents."""
    from sphinx.util import logging

    found = {name.rpartition("maskexpr.")[2] for name in env.get_domain("py").objects}
    found = {name.removeprefix("errors.").removeprefix("extend.").removeprefix("verbs.accessor.") for name in found}
    public = {full.rpartition(".")[2] for full in reference.public_names()} | set(reference.public_methods())
    for name in sorted(public - found):
        logging.getLogger(__name__).warning("%s is public, and no page documents it", name)


def show_call(app, what, name, obj, options, arguments, returns):
    """The call of a class as users write it: `Mask.__new__`, which refuses the base class, takes anything."""
    return (reference.call_of(name), None) if what == "class" and reference.is_a_mask(name) else None


def setup(app):
    app.connect("autodoc-process-signature", show_call)
    app.connect("builder-inited", lambda app: draw(DOCS / "gallery.md", DOCS / "images/gallery"))
    app.connect("env-check-consistency", check_reference)
    app.connect("env-check-consistency", check_peers)
