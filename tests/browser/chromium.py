"""A headless Chromium, driven by the Chrome DevTools Protocol over a websocket."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "NoBrowserError", "Page", "opened"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = """--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars
    --remote-debugging-port=0 --window-size=1000,600"""


class NoBrowserError(Exception):
    """The browser does not run on this machine."""


class Page:
    """A page of the browser; ``events`` are what the browser told without being asked."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number, self.events = socket, 0, list[Any]()

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a method of the protocol."""
        self._number += 1
        await self._socket.write_message(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            said = json.loads(await self._socket.read_message())
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]
            self.events.append(said)

    async def value(self, code: str) -> Any:
        """The value of an expression of JavaScript."""
        found = await self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, code: str) -> None:
        """Wait for a condition; the limit of the whole test ends what never comes."""
        while not await self.value(code):
            await asyncio.sleep(0.05)

    async def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """An event of the mouse."""
        await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    async def picture(self) -> bytes:
        """What is shown, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Page]:
    """A browser with a profile of its own in an empty folder, on a page; it is killed in the end.

    Raises
    ------
    NoBrowserError
        If it ends before it is ready.
    """
    from tornado.websocket import websocket_connect

    assert CHROMIUM is not None
    command = [CHROMIUM, *_FLAGS.split(), f"--user-data-dir={folder}", "about:blank"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, start_new_session=True, **quiet) as browser:  # type: ignore[call-overload]
        try:
            socket = await websocket_connect(await _page_of(folder, browser), max_message_size=1 << 28)
            try:
                page = Page(socket)
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await page.call(f"{domain}.enable")
                await page.call("Page.navigate", url=url)
                yield page
            finally:
                socket.close()
                # Until the other side has closed it too.
                while await socket.read_message() is not None:
                    pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGKILL)


async def _page_of(folder: Path, browser: subprocess.Popen[bytes]) -> str:
    """The address of the websocket of the first page, once the browser listens."""
    from tornado.httpclient import AsyncHTTPClient

    port = folder / "DevToolsActivePort"
    while True:
        if port.is_file() and (lines := port.read_text().split()):
            answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{lines[0]}/json/list")
            for each in json.loads(answer.body):
                if each["type"] == "page":
                    return str(each["webSocketDebuggerUrl"])
        if browser.poll() is not None:
            raise NoBrowserError(f"{CHROMIUM} ended with {browser.returncode} before it listened")
        await asyncio.sleep(0.05)
