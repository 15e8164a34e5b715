"""A web server on this machine that does what servers do on a bad day."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CONTENT = bytes(range(256)) * 800  # 204,800 bytes: several pieces
HASH = hashlib.sha256(CONTENT).hexdigest()


class Misbehaving(http.server.BaseHTTPRequestHandler):
    """Answers by path; `asked` counts how often each path was asked for."""

    protocol_version = "HTTP/1.1"
    asked: dict[str, int]

    def do_GET(self) -> None:
        self.asked[self.path] = self.asked.get(self.path, 0) + 1
        name = self.path.strip("/").split("/")[0]
        getattr(self, f"_{name}", self._404)()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass

    def _head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _good(self) -> None:
        self._head(200, len(CONTENT))
        self.wfile.write(CONTENT)

    def _chunked(self) -> None:
        self._head(200, None, Transfer_Encoding="chunked")
        for begin in range(0, len(CONTENT), 50_000):
            piece = CONTENT[begin : begin + 50_000]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _404(self) -> None:
        self._head(404, 0)

    def _500(self) -> None:
        self._head(500, 0)

    def _flaky(self) -> None:
        self._good() if self.asked[self.path] > 1 else self._head(503, 0)

    def _truncated(self) -> None:
        self._head(200, len(CONTENT))
        self.wfile.write(CONTENT[:100_000])

    def _ends(self) -> None:
        self._head(200, None)  # no length: only the end of the connection says that it is over
        self.wfile.write(CONTENT[:100_000])

    def _chunks(self) -> None:
        self._head(200, None, Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%b\r\n" % (50_000, CONTENT[:50_000]))

    def _longer(self) -> None:
        self._head(200, None)
        self.wfile.write(CONTENT + b"more")

    def _endless(self) -> None:
        self._head(200, None)
        try:
            for _ in range(2000):
                self.wfile.write(CONTENT)
        except OSError:
            return
        raise AssertionError("everything was taken")

    def _offers(self) -> None:
        self._head(200, 17)
        self.wfile.write(b"x" * 17)

    def _wrong(self) -> None:
        self._head(200, len(CONTENT))
        self.wfile.write(CONTENT[::-1])

    def _page(self) -> None:
        page = b"<html>Sign in to this network</html>"
        self._head(200, len(page), Content_Type="text/html")
        self.wfile.write(page)

    def _silent(self) -> None:
        time.sleep(1.5)

    def _stalls(self) -> None:
        self._head(200, len(CONTENT))
        self.wfile.write(CONTENT[:1000])
        self.wfile.flush()
        time.sleep(1.5)

    def _drips(self) -> None:
        self._head(200, len(CONTENT))
        try:
            for n in range(200):
                self.wfile.write(CONTENT[n : n + 1])
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            return

    def _moved(self) -> None:
        self._head(302, 0, Location="/good")

    def _circle(self) -> None:
        self._head(302, 0, Location="/circle")

    def _nonsense(self) -> None:
        self.wfile.write(b"I am no web server\r\n\r\n")


@dataclass(frozen=True)
class Server:
    """`asked` counts how often each path was asked for."""

    port: int
    asked: dict[str, int]

    def at(self, name: str) -> str:
        """Address of what `name` does."""
        return f"http://127.0.0.1:{self.port}/{name}"


@contextmanager
def misbehaving_server() -> Iterator[Server]:
    """Run the server in a thread."""
    handler = type("Handler", (Misbehaving,), {"asked": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        web.daemon_threads = True
        web.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=web.serve_forever, args=(0.05,))
        thread.start()
        yield Server(web.server_port, handler.asked)
        web.shutdown()
        thread.join()
