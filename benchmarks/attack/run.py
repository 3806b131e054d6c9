"""Attack a memory in every way, and print one table of what was done and what failed.

    python benchmarks/attack/run.py [--kills 100] [--races 3000] [--imports 300] [--calls 3000] [--seed 1]

Everything happens in folders that are thrown away, and each attack ends after as many attempts as it is told to make.
It ends with 1 where anything failed. Below the table stands the same as JSON, with every failure.
"""

from __future__ import annotations

import argparse
import sys

import calls
import common
import imports
import kills
import races

ATTACKS = {
    "kills": (kills.kills, 100),
    "races": (races.races, 3_000),
    "imports": (imports.imports, 300),
    "calls": (calls.calls, 3_000),
}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, (_, default) in ATTACKS.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{default}, unless given")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return common.report(
        [attack(getattr(given, name), given.seed) for name, (attack, _) in ATTACKS.items()]
    )


if __name__ == "__main__":
    sys.exit(main())
