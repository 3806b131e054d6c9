"""A real HTTP server on loopback that speaks chat completions, with streaming, and follows a script."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self


class Act(Protocol):
    """What the server does with one request."""

    def play(self, handler: Handler, request: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Say:
    """A well-formed answer; streamed in `pieces`, or word by word, if the request asks for that."""

    text: str = ""
    finish: str | None = "stop"
    refusal: str | None = None
    pieces: tuple[str, ...] = ()
    cut_after: int | None = None  # pieces, after which the connection breaks

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        if request.get("stream"):
            self._stream(handler, request)
        else:
            message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
            choice = {"index": 0, "message": message, "finish_reason": self.finish}
            handler.send_json(
                200, {**_head("chat.completion"), "choices": [choice], "usage": USAGE}
            )

    def _stream(self, handler: Handler, request: dict[str, Any]) -> None:
        handler.start_stream()
        pieces = self.pieces or _words(self.text)
        for i, piece in enumerate(pieces):
            if i == self.cut_after:
                handler.break_off()
                return
            handler.send_chunk(_delta({"content": piece}, None))
        if self.refusal:
            handler.send_chunk(_delta({"refusal": self.refusal}, None))
        if self.finish:
            handler.send_chunk(_delta({}, self.finish))
        if request.get("stream_options", {}).get("include_usage"):
            handler.send_chunk({**_head("chat.completion.chunk"), "choices": [], "usage": USAGE})
        handler.send_event("[DONE]")
        handler.end_stream()


@dataclass(frozen=True)
class Fail:
    """An error with a status, as OpenAI words it."""

    status: int
    message: str = "it went wrong"
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        error = {"message": self.message, "type": "error", "param": self.param, "code": None}
        handler.send_json(self.status, {"error": error}, self.headers)


@dataclass(frozen=True)
class Raw:
    """A body that is no chat completion."""

    body: str
    content_type: str = "application/json"

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        handler.send_body(200, self.body.encode(), {"Content-Type": self.content_type})


@dataclass(frozen=True)
class Hang:
    """Nothing, until the server is closed."""

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        handler.server.closing.wait(30)


@dataclass(frozen=True)
class Disconnect:
    """The connection is dropped without an answer."""

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        handler.break_off()


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


class LLMServer:
    """Plays one act a request, in order, and keeps what was asked.

    Args:
        acts: What to do; when they are used up, the last one is repeated.
        refuses: What requests are called malformed for, as some servers do: "json_schema",
            "json_object", "temperature", "max_tokens", "stream_options".
    """

    def __init__(self, *acts: Act, refuses: tuple[str, ...] = ()) -> None:
        self.acts = acts
        self.refuses = refuses
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.broken = threading.Event()  # set when a client hung up in mid-stream
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.script = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def waits_for(self, n: int, timeout_s: float = 120) -> bool:
        """Wait until so many requests have come; whether that came about in time."""
        deadline = time.monotonic() + timeout_s
        while len(self.requests) < n and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.requests) >= n

    def act_for(self, request: dict[str, Any], headers: dict[str, str]) -> Act:
        refused = next((name for name in self.refuses if _uses(request, name)), None)
        self.requests.append(request)
        self.headers.append(headers)
        if refused in {"json_schema", "json_object"}:
            return Fail(400, f"response_format {refused} is not supported")
        if refused:
            return Fail(400, f"unsupported parameter: {refused}", param=refused)
        n_played = sum(
            not any(_uses(each, name) for name in self.refuses) for each in self.requests
        )
        return self.acts[min(n_played, len(self.acts)) - 1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: LLMServer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.closing = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no fault of the server, and would be told amid a test's own output."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.send_json(404, {"error": {"message": f"no such path: {self.path}"}})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        act = self.server.script.act_for(request, headers)
        try:
            act.play(self, request)
        except (BrokenPipeError, ConnectionResetError):
            self.server.script.broken.set()
            self.close_connection = True

    def send_json(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self.send_body(
            status,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **(headers or {})},
        )

    def send_body(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, chunk: object) -> None:
        self.send_event(json.dumps(chunk))

    def send_event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.flush()

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def break_off(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _words(text: str) -> tuple[str, ...]:
    first, *others = text.split(" ")
    return (first, *(f" {word}" for word in others))


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "tiny-1"}


def _delta(delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_head("chat.completion.chunk"), "choices": [choice]}


def _uses(request: dict[str, Any], name: str) -> bool:
    if name in {"json_schema", "json_object"}:
        form: dict[str, Any] = request.get("response_format", {})
        return form.get("type") == name
    return name in request
