"""The server: read-only, on loopback, with a bound on what is computed at once."""

from __future__ import annotations

import json
import re
import threading
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final, Self

from ..core.errors import MaskError
from ..core.names import shown
from ..expr.describe import tree
from ..expr.structure import postorder
from ..pixels.png import png
from .pyramid import SIDE, Pyramid

__all__ = ["Server"]

_AT_ONCE: Final = 2
"""Tiles that are computed at once."""
_CONNECTIONS: Final = 16
"""Requests that are open at once; others are closed."""
_KEPT: Final = 512
_NODES: Final = 40
_PATIENCE: Final = 30.0
"""Seconds that a request waits for its turn, and for a slow reader."""
_COLOURS: Final = ((235, 235, 235, 255), (31, 119, 180, 255))
_TILE: Final = re.compile(r"/tile/(\d{1,2})/(\d{1,9})/(\d{1,9})\.png")
_AT: Final = re.compile(r"/at/(\d{1,2})/(\d{1,9})/(\d{1,9})\.json")
_POLICY: Final = "default-src 'self' 'unsafe-inline'; img-src 'self'"


class Server(ThreadingHTTPServer):
    """Serves a pyramid on the loopback interface.

    Parameters
    ----------
    pyramid : Pyramid
        What is shown.
    port : int
        0 takes a free one, which `url` tells.

    Raises
    ------
    MaskError
        If the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, pyramid: Pyramid, port: int = 0) -> None:
        if isinstance(port, bool):
            raise MaskError(f"port must be a number, got {shown(port)}; port 0 takes a free one")
        self.pyramid = pyramid
        self.nodes = list({each.digest: each for each in postorder(pyramid.mask)}.values())[-_NODES:][::-1]
        self._open = threading.BoundedSemaphore(_CONNECTIONS)
        self._computing = threading.BoundedSemaphore(_AT_ONCE)
        self.tile = lru_cache(maxsize=_KEPT)(self._tile)
        self._thread: threading.Thread | None = None
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError, TypeError) as err:
            raise MaskError(f"port {shown(port)} cannot be had ({err}); port 0 takes a free one") from err

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def __repr__(self) -> str:
        return f"<a mask on {self.url}, until close()>"

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> Self:
        """Answer on a thread of its own, which ends with the process."""
        self._thread = threading.Thread(target=self.serve_forever, name="maskexpr-serve", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Answer no more, and give the port back; more than once too."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.shutdown()
            thread.join()
        self.server_close()

    def is_own(self, host: str | None) -> bool:
        """Whether a request names this server: a page elsewhere whose name was made to mean loopback does
        not.
        """
        port = self.server_address[1]
        return host in (f"127.0.0.1:{port}", f"localhost:{port}")

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own, unless too many are open."""
        if not self._open.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, then let the next in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.release()

    def _tile(self, level: int, row: int, column: int) -> bytes:
        with self._computing:
            return png(self.pyramid.tile(level, row, column).astype("u1"), _COLOURS)

    def about(self) -> dict[str, Any]:
        """What the page is told once."""
        return {
            "side": SIDE,
            "deepest": self.pyramid.deepest,
            "frame": self.pyramid.frame,
            "tree": tree(self.pyramid.mask),
            "nodes": [each.label() for each in self.nodes],
        }

    def at(self, level: int, y: int, x: int) -> list[bool]:
        """Which nodes select a pixel."""
        with self._computing:
            return self.pyramid.at(level, y, x, self.nodes)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _PATIENCE

    def do_GET(self) -> None:
        if not self.server.is_own(self.headers.get("Host")):
            self._send(403, "text/plain", b"this server answers to 127.0.0.1 and localhost")
            return
        try:
            self._send(200, *self._answer(self.path))
        except MaskError as err:
            self._send(404, "text/plain", str(err).encode())

    def _answer(self, path: str) -> tuple[str, bytes]:
        if path == "/":
            return "text/html; charset=utf-8", files(__package__).joinpath("page.html").read_bytes()
        if path == "/about.json":
            return "application/json", json.dumps(self.server.about()).encode()
        if found := _TILE.fullmatch(path):
            level, row, column = map(int, found.groups())
            return "image/png", self.server.tile(level, row, column)
        if found := _AT.fullmatch(path):
            level, y, x = map(int, found.groups())
            return "application/json", json.dumps(self.server.at(level, y, x)).encode()
        raise MaskError("there is no such page")

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: what is looked at is not logged."""
