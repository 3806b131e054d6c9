"""Test the tests: change functions at random, and count the changes that no test notices.

    python scripts/mutation.py [N] [SEED] [ROOM ...]

mutmut (`[tool.mutmut]` in pyproject.toml) makes the mutants and runs the tests that reach each one. All of
them take many hours, so a sample of N is drawn, the same for the same seed and code; `mutmut show NAME`
prints a survivor, `mutmut run NAME` tests it again. Writes into mutants/.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

MUTMUT = str(Path(sys.executable).with_name("mutmut"))
KILLED = ("killed", "timeout", "suspicious", "segfault", "caught by type check")
NOTHING = "no mutant has this name"


def results() -> dict[str, str]:
    """The state of every mutant by its name."""
    listed = subprocess.run(
        [MUTMUT, "results", "--all", "true"], capture_output=True, text=True, check=True
    )
    return dict(re.findall(r"^\s*(helamem\S+): (.+)$", listed.stdout, re.MULTILINE))


def room_of(name: str) -> str:
    """The room that a mutant is in: helamem.core.vectors.x_top_k__mutmut_1 is in core."""
    return name.split(".")[1]


def sample(names: list[str], n: int, seed: int) -> list[str]:
    """As many names, drawn at random."""
    return sorted(random.Random(seed).sample(sorted(names), min(n, len(names))))


def report(found: dict[str, str]) -> None:
    """Print what survived, and the score of each room."""
    killed, total = Counter[str](), Counter[str]()
    for name, state in found.items():
        for room in (room_of(name), "all"):
            total[room] += 1
            killed[room] += state in KILLED
        if state not in KILLED:
            print(f"{state}: {name}")
    for room in sorted(total):
        print(f"{room:<16} {killed[room]:>4} of {total[room]:>4}  {killed[room] / total[room]:.1%}")


def main(n: int = 300, seed: int = 0, *rooms: str) -> None:
    """Make all mutants, test some, and report."""
    Path("mutants").mkdir(exist_ok=True)
    # Makes the mutants, finds their tests, and ends, since there is no such mutant.
    subprocess.run([MUTMUT, "run", NOTHING], stderr=subprocess.DEVNULL, check=False)
    names = [name for name in results() if not rooms or room_of(name) in rooms]
    chosen = sample(names, n, seed)
    subprocess.run([MUTMUT, "run", *chosen], check=False)
    states = results()
    if "not checked" in {states[name] for name in chosen}:
        sys.exit("mutmut did not get through; it says above why")
    report({name: states[name] for name in chosen})


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:] if each.isdecimal()]
    main(*numbers, *(each for each in sys.argv[1:] if not each.isdecimal()))
