"""Ask a service everything that its OpenAPI description allows, and much that it does not.

    python scripts/fuzz_service.py [examples a route, 25 unless given] [further options of `st run`]

It needs schemathesis 4. The service runs on a free port of this machine, on a file that is thrown away, with a
language model that knows nothing. It fails where an answer is a 5xx, or is not described.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import schemathesis
import uvicorn

from helamem import Config, ScriptedLLM
from helamem.models import prompts
from helamem.server.app import create_app
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Message
    from helamem.records import Json

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@schemathesis.serializer("application/x-ndjson")  # this file is loaded by `st`, too
def as_lines(ctx: schemathesis.SerializationContext, value: object) -> bytes:  # noqa: ARG001  # schemathesis's signature
    """A body of lines, as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def reply(messages: Sequence[Message]) -> dict[str, Json]:
    """What a language model says that knows nothing, in the form that it is asked for."""
    rules = messages[0]["content"]
    if rules == prompts.PLAN:
        return {"searches": []}
    if rules == prompts.SELECT:
        return {"ids": []}
    return {"citations": [], "answer": ""}


def serve(folder: str, port: int) -> uvicorn.Server:
    """A service that runs in a thread; it answers once it says that it has started."""
    llm = ScriptedLLM(reply)
    app = create_app(
        Memories(Path(folder) / "fuzzed.db", Config.of(embedder="hashing:64"), llm=llm)
    )
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server


def main(examples: str = "25", *options: str) -> int:
    """The exit status of schemathesis."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = serve(folder, port)
        command = [
            "st",
            "run",
            f"http://127.0.0.1:{port}/openapi.json",
            "--checks",
            ",".join(CHECKS),
        ]
        command += [
            "--max-examples",
            examples,
            "--phases",
            "examples,fuzzing",
            "--no-color",
            *options,
        ]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).resolve())}
        program = Path(sys.executable).with_name(command[0])
        status = subprocess.run(
            [program, *command[1:]], env=environment, cwd=folder, check=False
        ).returncode
        server.should_exit = True
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
