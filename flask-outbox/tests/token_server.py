"""A scripted token server (RFC 6749) over real HTTP."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

HOUR = 3600


@dataclass
class TokenServer:
    """Issues token-1, token-2 and so on; `answers` come first, as pairs of status and body."""

    port: int
    scheme: str = "http"
    asked: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    lifetime: Any = HOUR
    more: dict[str, Any] = field(default_factory=dict)
    issued: int = 0
    dribbles: bool = False
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/tenant/token"

    def answer(self, asked: dict[str, str]) -> tuple[int, str]:
        self.asked.append(asked)
        if self.answers:
            return self.answers.pop(0)
        if asked.get("client_id") != "client":
            return 401, json.dumps({"error": "invalid_client"})
        self.issued += 1
        given = {"access_token": f"token-{self.issued}", "token_type": "Bearer"}
        return 200, json.dumps({**given, "expires_in": self.lifetime, **self.more})


class _Handler(BaseHTTPRequestHandler):
    tokens: TokenServer

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        fields = parse_qs(self.rfile.read(length).decode(), strict_parsing=True)
        status, body = self.tokens.answer({name: value for name, (value,) in fields.items()})
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for letter in body if self.tokens.dribbles else [body]:
            self.wfile.write(letter.encode())
            if self.tokens.dribbles and self.tokens.closing.wait(0.1):
                return

    def log_request(self, *_arguments: Any) -> None:
        pass


@contextmanager
def token_server(tls: ssl.SSLContext | None = None) -> Iterator[TokenServer]:
    """Run a server on a port of its own, encrypted with the given TLS context."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        Handler.tokens = made = TokenServer(server.server_port, "https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.closing.set()
        server.shutdown()
        thread.join()
