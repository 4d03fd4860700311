"""ClickHouse in this process (chdb) behind its own HTTP interface, as far as the ordinary client speaks it.

Run: python clickhouse_front.py FOLDER PORT PASSWORD. One request at a time; one process per folder. It ends when its
standard input does, so that it outlives nobody.
"""

from __future__ import annotations

import base64
import gzip
import os
import re
import sys
import tempfile
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

_NOT_SETTINGS = {
    "query",
    "database",
    "query_id",
    "session_id",
    "default_format",
    "user",
    "password",
    "role",
    "compress",
}
_INSERT = re.compile(r"\s*INSERT\s+INTO\s+(.+?)\s+FORMAT\s+(\w+)\s*", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"Code: (\d+)")
_UNSTABLE = {"compress", "session_timeout", "client_protocol_version", "wait_end_of_query", "enable_http_compression"}


class Engine:
    """One session, used by one request at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._session = Session(str(folder / "data"))
        self._lock = threading.Lock()
        self._set: dict[str, str] = {}

    def run(self, query: str, data: bytes, options: dict[str, str]) -> bytes:
        """The answer's bytes; raises RuntimeError with ClickHouse's own words."""
        # A session here is for good, and would stay so: a server takes it for one request.
        if options.get("readonly", "0") != "0" and not query.lstrip().upper().startswith(("SELECT", "WITH")):
            raise RuntimeError("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)")
        left_out = _NOT_SETTINGS | _UNSTABLE | {"readonly"}
        values = {name: value for name, value in options.items() if name.startswith("param_")}
        settings = {name: options[name] for name in options if name not in left_out and name not in values}
        with self._lock:
            self._session.query(f"USE `{options.get('database', 'default').replace('`', '``')}`")
            for name, value in values.items():
                self._session.query(f"SET {name} = '{_escaped(value)}'")
            self._take_over(settings)
            return self._answer(query, data)

    def _take_over(self, settings: dict[str, str]) -> None:
        """These settings and no others. What stays as it was is not said again: each SET takes milliseconds."""
        for name in self._set.keys() - settings.keys():
            self._session.query(f"SET {name} = DEFAULT")
            del self._set[name]
        for name, value in settings.items():
            if self._set.get(name) != value:
                self._session.query(f"SET {name} = '{_escaped(value)}'")
                self._set[name] = value

    def _answer(self, query: str, data: bytes) -> bytes:
        insert = _INSERT.match(query)
        if insert is None:
            return bytes(self._session.query(query, "TabSeparated").bytes() or b"")
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part") as file:
            file.write(data or query[insert.end() :].encode())
            file.flush()
            source = f"file('{file.name}', {insert.group(2)})"
            self._session.query(f"INSERT INTO {insert.group(1)} SELECT * FROM {source}")
        return b""


def _taken_apart(options: dict[str, str], body: bytes) -> tuple[str, bytes]:
    """The query, and the data of an INSERT: these follow the query in one body, or come alone."""
    if "query" in options:
        return options["query"], body
    insert = re.match(rb"\s*INSERT\s+INTO\s.+?\sFORMAT\s+\w+[ \t]*\n", body, re.IGNORECASE | re.DOTALL)
    if insert is None:
        return body.decode(), b""
    return insert.group().decode(), body[insert.end() :]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    if encoding == "lz4":
        import lz4.frame

        return bytes(lz4.frame.decompress(body))
    if encoding == "zstd":
        from backports import zstd

        return bytes(zstd.decompress(body))
    return body


class Handler(BaseHTTPRequestHandler):
    """What the client sends: the query in the address or as the body, data after it."""

    protocol_version = "HTTP/1.1"
    # An answer in two packets waits 40 ms for the first to be confirmed.
    wbufsize = -1
    engine: Engine
    password: str

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._handle(_plain(body, self.headers.get("Content-Encoding", "")))

    def _chunks(self) -> Any:
        while size := int(self.rfile.readline().strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _handle(self, body: bytes) -> None:
        address = urlsplit(self.path)
        if address.path == "/ping":
            self._send(200, b"Ok.\n")
            return
        options = dict(parse_qsl(address.query, keep_blank_values=True))
        if not self._may(options):
            self._send(403, b"Code: 516. DB::Exception: default: Authentication failed", code="516")
            return
        try:
            query, data = _taken_apart(options, body)
            self._send(200, self.engine.run(query, data, options))
        except Exception as error:
            code = _CODE.search(str(error))
            self._send(500, str(error).encode(), code=code.group(1) if code else "1000")

    def _may(self, options: dict[str, str]) -> bool:
        given = self.headers.get("X-ClickHouse-Key", options.get("password", ""))
        basic = self.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            given = base64.b64decode(basic[6:]).decode().partition(":")[2]
        return given == self.password

    def _send(self, status: int, content: bytes, code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-ClickHouse-Summary", "{}")
        self.send_header("X-ClickHouse-Query-Id", "test")
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


def main() -> None:
    """Serve until killed."""
    folder, port, password = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    Handler.engine, Handler.password = Engine(folder), password
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=_end_with_the_one_who_started_it, daemon=True).start()
    server.serve_forever()


def _end_with_the_one_who_started_it() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
