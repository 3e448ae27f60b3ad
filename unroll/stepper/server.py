"""The playground's server: on this machine alone, for the one who started it.

It listens on the loopback, answers only what carries its token, was sent to its own name and port and by its
own page, and maps nothing to files. What it computes, it computes in workers, which it ends when they take
too long.
"""

from __future__ import annotations

import hmac
import html
import json
import secrets
import signal
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from unroll.errors import UnrollError
from unroll.stepper.bundle import module, static
from unroll.stepper.colors import dark_picture
from unroll.stepper.page import policy_hash
from unroll.stepper.playground import answer
from unroll.stepper.workers import BusyError, Pool

LARGEST = 64 * 1024  # bytes of a question
PATIENCE = 10.0  # seconds for a client to say what it wants


class RefusedError(Exception):
    """What a request is answered with instead: a status, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Playground(ThreadingHTTPServer):
    """The server. token: what every request has to carry; port 0: any that is free."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int = 0, pool: Pool | None = None, patience: float = PATIENCE) -> None:
        self._made: Pool | None = pool
        self.closed = False
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise UnrollError(
                f"cannot listen on port {port}: {getattr(error, 'strerror', None) or error}",
                remedy="Choose another one with --port, or leave it out.",
            ) from None
        self.token = secrets.token_urlsafe(32)
        self.patience = patience
        self.pool = self._made = pool or Pool(answer)
        self.page, self.policy = _page()

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a Host header may say."""
        return tuple(f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost"))

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://127.0.0.1:{self.server_port}/?token={self.token}"

    def server_close(self) -> None:
        """Stop listening, and end the workers."""
        self.closed = True  # connections that are kept open are answered no more
        super().server_close()
        if self._made is not None:
            self._made.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: Playground
    server_version, sys_version = "unroll", ""
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.patience)

    def do_GET(self) -> None:
        self._answered(self._get)

    def do_POST(self) -> None:
        self._answered(self._post)

    def _other(self) -> None:
        def refuse() -> None:
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and POST are answered")

        self._answered(refuse)

    do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_TRACE = do_CONNECT = _other  # noqa: N815

    def _answered(self, act: Callable[[], None]) -> None:
        if self.server.closed:
            self.close_connection = True
            return
        try:
            if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
                raise RefusedError(HTTPStatus.FORBIDDEN, "this is not where the playground lives")
            act()
        except RefusedError as refused:
            self.close_connection = True
            self._send(refused.status, "application/json", json.dumps({"refused": refused.why}))

    def _get(self) -> None:
        self._same_site("same-origin", "none", None)
        address = urlsplit(self.path)
        if address.path != "/":
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        said = parse_qs(address.query).get("token", [self._cookie()])[-1]
        self._known(said)
        cookie = f"{self._name}={self.server.token}; HttpOnly; SameSite=Strict; Path=/"
        # the token is written into the page for it to send back, and only there
        page = self.server.page.replace("$TOKEN", html.escape(self.server.token))
        headers = {"Set-Cookie": cookie, "Content-Security-Policy": self.server.policy}
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", page, headers)

    def _post(self) -> None:
        self._same_site("same-origin", None)
        origin = self.headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self.server.hosts]:
            raise RefusedError(HTTPStatus.FORBIDDEN, "only the playground's own page may ask")
        if self.path != "/ask":
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        self._known(self.headers.get("X-Unroll-Token", ""))
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "questions are JSON")
        question = self._question()
        try:
            found = self.server.pool.ask(question)
        except BusyError:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "too much is asked at once"
            ) from None
        self._send(HTTPStatus.OK, "application/json", json.dumps(found, allow_nan=True))

    def _question(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdigit():
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a question says how long it is")
        if len(length) > 9 or int(length) > LARGEST:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST} bytes")
        try:
            found = json.loads(self.rfile.read(int(length)).decode("utf-8"))
        except TimeoutError:
            raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the question did not come") from None
        except (ValueError, RecursionError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "this is no JSON") from None
        if not isinstance(found, dict):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a question is an object")
        return found

    def _same_site(self, *allowed: str | None) -> None:
        if self.headers.get("Sec-Fetch-Site") not in allowed:
            raise RefusedError(HTTPStatus.FORBIDDEN, "other sites may not ask")

    def _known(self, token: str) -> None:
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "open the address that `unroll serve` has shown"
            )

    @property
    def _name(self) -> str:
        return f"unroll-{self.server.server_port}"

    def _cookie(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(self._name)
        except CookieError:
            return ""
        return found.value if found else ""

    def _send(
        self, status: HTTPStatus, kind: str, text: str, headers: Mapping[str, str] | None = None
    ) -> None:
        body = text.encode()
        self.send_response(status)
        fixed = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if self.close_connection:
            fixed["Connection"] = "close"
        for name, value in {**fixed, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is written down of who asks what."""


def serve(port: int = 0, open_browser: bool = True, say: Callable[[str], None] = print) -> None:
    """Serve the playground until Ctrl-C or a request to terminate.

    port: 0 for any that is free. Raises UnrollError for one that cannot be had.
    """
    server = Playground(port)

    def stop(*_: Any) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        say(f"The playground is at {server.url}\nCtrl-C ends it.")
        if open_browser:
            import webbrowser

            webbrowser.open(server.url)
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _page() -> tuple[str, str]:
    """The page, with a place for the token, and the policy it comes with."""
    script = module().split("export {")[0] + "\n" + static("playground.js")
    style = static("stepper.css") + static("playground.css") + dark_picture()
    policy = (
        f"default-src 'none'; script-src {policy_hash(script)}; style-src {policy_hash(style)}; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    page = (
        '<!doctype html>\n<html lang="en" data-unroll="playground">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="token" content="$TOKEN">\n<link rel="icon" href="data:,">\n<title>unroll</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n"
        '<main id="playground" class="unroll"></main>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )
    return page, policy
