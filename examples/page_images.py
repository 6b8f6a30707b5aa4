"""Make the pictures of a page of the docs: run its blocks in a folder of their own and keep what they save.

``python examples/page_images.py docs/tutorial.md docs/images/tutorial`` from the checkout, where ../shared
has the data of that page. The gallery's are made whenever the pages are built.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

__all__ = ["draw"]

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- no-run -->\n)?```python\n(.*?)```", re.DOTALL)


def draw(page: Path, images: Path) -> list[Path]:
    """Run a page; keep its pictures in a folder, and name them."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    code = compile("\n".join(code for skip, code in blocks if not skip), str(page), "exec")
    here = Path.cwd()
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "page"
        there.mkdir()
        if (ROOT.parent / "shared").is_dir():
            (there.parent / "shared").symlink_to(ROOT.parent / "shared", target_is_directory=True)
        os.chdir(there)
        try:
            exec(code, {"__name__": page.stem})
        finally:
            os.chdir(here)
        return [Path(shutil.copy(each, images / each.name)) for each in sorted(there.glob("*.png"))]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for picture in draw(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()):
        print(f"{picture.name:20} {picture.stat().st_size / 1000:6.0f} kB")
