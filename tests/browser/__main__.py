"""Make the picture of the page in the docs: ``python -m tests.browser docs/images/browser.png``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from pathlib import Path

import maskexpr as mx
from maskexpr.verbs.serve import server_of

from .chromium import opened
from .test_in_chromium import LOADED

SOURCES = Path(__file__).parents[2] / "examples/data/fermi_4fgl_dr4.ecsv"


async def take(url: str, folder: Path) -> bytes:
    """The page once its tiles are there, the cursor on a source at the galactic centre."""
    async with opened(url, folder) as page:
        await page.until(LOADED)
        width, height = await page.value("[canvas.width, canvas.height]")
        await page.mouse("mouseMoved", width / 2 + 5, height / 2)
        await page.mouse("mouseMoved", width / 2, height / 2)
        await page.until(f"document.querySelectorAll('#nodes li.in').length > 0 && {LOADED}")
        return await page.picture()


def main(path: str) -> None:
    """Serve a mask, look at it, stop."""
    mask = mx.Catalog.read(SOURCES, radius="0.6 deg") | mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
    server = server_of(mask)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            Path(path).write_bytes(asyncio.run(take(server.url, Path(folder))))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
