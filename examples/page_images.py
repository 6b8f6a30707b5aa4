"""Make the pictures of docs/tutorial.md: run the page in a folder of its own and keep what it saves.

``python examples/tutorial_images.py`` from the checkout, where ../shared has the data of the page.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/tutorial.md"
IMAGES = ROOT / "docs/images/tutorial"
BLOCK = re.compile(r"(<!-- no-run -->\n)?```python\n(.*?)```", re.DOTALL)


def main() -> None:
    """Run the page; replace the pictures."""
    os.environ["MPLBACKEND"] = "Agg"
    sys.path.insert(0, str(ROOT))
    code = "\n".join(code for skip, code in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if not skip)
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "page"
        there.mkdir()
        if (ROOT.parent / "shared").is_dir():
            (there.parent / "shared").symlink_to(ROOT.parent / "shared", target_is_directory=True)
        os.chdir(there)
        exec(compile(code, str(PAGE), "exec"), {"__name__": "tutorial"})
        IMAGES.mkdir(parents=True, exist_ok=True)
        for picture in sorted(there.glob("*.png")):
            shutil.copy(picture, IMAGES / picture.name)
            print(f"{picture.name:20} {picture.stat().st_size / 1000:6.0f} kB")
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
