"""Load the service on this machine for a while, and print what it did and what it lost.

    python -m venv /tmp/load && /tmp/load/bin/pip install -r benchmarks/load/requirements.txt
    python benchmarks/load/run.py --locust /tmp/load/bin/locust [--users 16] [--seconds 60] [--namespaces 300]

It serves a new file in a folder that is thrown away, on loopback, with the Python that runs it; locust has an
environment of its own. Every namespace gets some turns first. Then each client asks again as soon as it is answered.
Afterwards the file is opened, and must hold every turn and every use that was acknowledged.
It ends with 1 where a request failed or something is missing.
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
from pathlib import Path
from typing import TYPE_CHECKING

from helamem import Config, Memory
from helamem.records import Episode

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SEEDED = 20  # turns in each namespace before the load begins
STARTED_S = 120.0
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
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return loaded(Path(folder), given)


def loaded(folder: Path, given: argparse.Namespace) -> int:
    """Serve, load, compare, print."""
    seed(folder / "served.db", given.namespaces)
    port = free_port()
    before = os.getloadavg()
    with served(folder / "served.db", port):
        command = [given.locust, "--locustfile", str(HERE / "locustfile.py"), "--headless"]
        command += ["--host", f"http://127.0.0.1:{port}", "--only-summary"]
        command += ["--users", str(given.users), "--spawn-rate", str(given.users)]
        command += [
            "--run-time",
            f"{given.seconds}s",
            "--stop-timeout",
            "30",
            "--csv",
            str(folder / "told"),
        ]
        told = {
            "LOAD_NAMESPACES": str(given.namespaces),
            "LOAD_ACKNOWLEDGED": str(folder / "kept.json"),
        }
        subprocess.run(
            command,
            env={**os.environ, **told},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    rows = list(csv.DictReader((folder / "told_stats.csv").open(encoding="utf-8")))
    show(rows)
    service = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nload of the machine before: {before[0]:.1f}, after: {os.getloadavg()[0]:.1f}")
    print(f"processor time of service and clients: {service.ru_utime + service.ru_stime:.0f} s")
    missing = compared(
        folder / "served.db", json.loads((folder / "kept.json").read_text(encoding="utf-8"))
    )
    for sentence in missing:
        print(f"FAILED {sentence}", file=sys.stderr)
    return int(bool(missing) or any(int(row["Failure Count"]) for row in rows))


def seed(file: Path, namespaces: int) -> None:
    """Some turns in every namespace."""
    for i in range(namespaces):
        with Memory(file, namespace=f"user-{i}", config=Config()) as memory:
            memory.add(
                [f"Maya has counted to {n} in Lisbon." for n in range(SEEDED)], session="before"
            )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextlib.contextmanager
def served(file: Path, port: int) -> Iterator[None]:
    """The service, for as long as the block runs."""
    command = [sys.executable, "-m", "helamem", "--file", str(file), "serve", "--port", str(port)]
    environment = {**os.environ, "HELAMEM_HOME": str(file.parent / "home")}
    service = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", service)
        yield
    finally:
        service.terminate()
        service.wait()


def wait_for(url: str, service: subprocess.Popen[bytes]) -> None:
    """Wait until the service answers."""
    given_up = time.monotonic() + STARTED_S
    while time.monotonic() < given_up and service.poll() is None:
        try:
            urllib.request.urlopen(url).close()
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


def compared(file: Path, kept: dict[str, dict[str, int]]) -> list[str]:
    """What is missing of that which was acknowledged, one sentence each."""
    with Memory(file, config=Config()) as memory:
        missing = list(memory.check())
    turns = uses = 0
    for name in sorted({*kept["stored"], *kept["used"]}):
        with Memory(file, namespace=name, config=Config()) as memory:
            here = [each for each in memory.list() if isinstance(each, Episode)]
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
    return missing


if __name__ == "__main__":
    sys.exit(main())
