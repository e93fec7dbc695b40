"""ClickHouse's engine behind ClickHouse's HTTP interface: what a server is to its driver.

No registry has a server of these years, but chDB is its engine as a library. Queries run in the
engine, each on a connection of its own, so that `KILL QUERY`, read-only settings and errors are the
engine's; this file only carries them over HTTP. Run: clickhouse_http.py PORT FOLDER.
"""

from __future__ import annotations

import base64
import gzip
import os
import re
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import chdb

ACCOUNTS = {"owner": False, "reader": True}
"""Who may ask, and whether only to read."""
OWN = {
    "buffer_size", "client_protocol_version", "compress", "database", "decompress",
    "default_format", "enable_http_compression", "password", "query", "query_id", "role",
    "session_id", "session_timeout", "user", "wait_end_of_query",
}  # fmt: skip
"""Parameters of the interface that are not settings of the engine."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n")
        else:
            self._query(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        encoding = self.headers.get("Content-Encoding")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        self._query(body)

    def _query(self, body: bytes) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        user = self._user(given)
        if user is None:
            self._fail(403, "Code: 516. DB::Exception: Wrong password (AUTHENTICATION_FAILED)")
            return
        query = given.get("query", "") + ("\n" if given.get("query") and body else "")
        query += body.decode("utf-8", "surrogateescape") if not given.get("query") else ""
        connection = chdb.connect(Server.folder)
        try:
            if given.get("database"):
                connection.query(f"USE `{given['database']}`", "Null")
            for name, value in given.items():
                if name not in OWN and re.fullmatch(r"[a-z_0-9]+", name):
                    connection.query(f"SET {name} = '{value}'", "Null")
            if ACCOUNTS[user]:
                connection.query("SET readonly = 2", "Null")
            data = self._run(connection, query, body, given)
        except Exception as error:  # noqa: BLE001 - whatever the engine says goes to the client
            self._fail(500, str(error))
        else:
            self._answer(200, data)
        finally:
            connection.close()

    def _run(
        self, connection: chdb.session.Session, query: str, body: bytes, given: dict[str, str]
    ) -> bytes:
        if given.get("query") and body:
            raise ValueError("this server takes no rows over HTTP")
        result = connection.query(query, given.get("default_format", "TabSeparated"))
        return bytes(result.bytes() or b"")

    def _user(self, given: dict[str, str]) -> str | None:
        name, secret = given.get("user"), given.get("password")
        if self.headers.get("Authorization", "").startswith("Basic "):
            pair = base64.b64decode(self.headers["Authorization"][6:]).decode()
            name, _, secret = pair.partition(":")
        name = self.headers.get("X-ClickHouse-User", name)
        secret = self.headers.get("X-ClickHouse-Key", secret)
        right = name in ACCOUNTS and secret == os.environ["SERVER_PASSWORD"]
        return name if right else None

    def _fail(self, status: int, text: str) -> None:
        code = re.search(r"Code: (\d+)", text)
        headers = {"X-ClickHouse-Exception-Code": code[1] if code else "1000"}
        self._answer(status, text.encode(), headers)

    def _answer(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-ClickHouse-Summary", "{}")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    folder = ""


if __name__ == "__main__":
    Server.folder = sys.argv[2]
    keep_open = chdb.connect(Server.folder)
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
