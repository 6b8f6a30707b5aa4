"""The README as a package index shows it: links into the checkout become absolute, or plain text.

hatchling runs it at every build (pyproject.toml, ``tool.hatch.metadata.hooks.custom``), because an index
shows the README with none of the files beside it. Where ``[project.urls]`` declares the address that the
hook's templates name, links lead to the files of the release there. Without it a link is its text with the
path in the source distribution, and a picture is left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

CODE = r"^```.*?^```$|`[^`\n]+`"
LINK = r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?![a-z]+:|#)[^)\s]+)\)"
CODE_OR_LINK = re.compile(f"{CODE}|{LINK}", re.MULTILINE | re.DOTALL)
NOTE = "Paths such as `docs/install.md` are those in the source distribution."


def long_description(readme: str, page: str = "", picture: str = "") -> str:
    """The README without relative links.

    Parameters
    ----------
    readme : str
        Markdown with inline links.
    page, picture : str
        Addresses of a page and of a picture, with ``{path}`` in the place of its path; empty where there is
        none.
    """

    def rewritten(match: re.Match[str]) -> str:
        if match["path"] is None:
            return match[0]
        text, path = match["text"], match["path"]
        address = picture if match["mark"] else page
        if address:
            return f"{match['mark']}[{text}]({address.replace('{path}', path)})"
        if match["mark"]:
            return ""
        return f"`{path}`" if text == path else f"{text} (`{path}`)"

    found = CODE_OR_LINK.sub(rewritten, readme)
    return found if page else f"{found.rstrip()}\n\n{NOTE}\n"


class LongDescription(MetadataHookInterface):
    """Sets the field `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write the README with the addresses that the project declares."""
        known = {**metadata.get("urls", {}), "version": metadata["version"], "path": "{path}"}
        try:
            page, picture = (self.config[name].format_map(known) for name in ("page", "picture"))
        except KeyError:
            page = picture = ""
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = long_description(readme, page, picture)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
