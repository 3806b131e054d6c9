"""How much processor time does a search take, and a hook that starts alone, and where does it go?

    helamem bench speed --data locomo10.json --sizes 1e4 --keep kept
    python benchmarks/speed/run.py search --memory kept/locomo10-10000.db --data locomo10.json --profile
    python benchmarks/speed/run.py hook

Other work on the machine changes processor time less than the time that passes, but changes it: caches and memory
are shared. So the least of several rounds counts, and versions are compared by turns. The output is JSON.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

from helamem import Config, Memory
from helamem.evaluation import forms
from helamem.models import embedders

EVENT = json.dumps({"session_id": "s", "prompt": "What should I not cook for Maya?"})
LINES = 40  # of a profile


def search(given: argparse.Namespace) -> dict[str, Any]:
    """The least processor time of each question, in milliseconds, on average; a profile on request."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    outlines = forms.load(given.data).outlines
    questions = [each.text for outline in outlines for each in outline.questions][: given.questions]
    with Memory(
        given.memory, config=Config(), embedder=embedders.load(Config().embedder)
    ) as memory:
        memory.search(questions[0])  # the index is read once
        least = [
            min(processor_ms(memory, question) for _ in range(given.rounds))
            for question in questions
        ]
        if given.profile:
            profiled(memory, questions)
        return {"turns": memory.stats().episodes, "processor_ms": round(mean(least), 2)}


def processor_ms(memory: Memory, question: str) -> float:
    """What a search takes of this thread's time."""
    started = time.thread_time()
    memory.search(question)
    return 1e3 * (time.thread_time() - started)


def profiled(memory: Memory, questions: list[str]) -> None:
    """Print where the time of searches goes, to standard error."""
    profile = cProfile.Profile()
    profile.enable()
    for question in questions:
        memory.search(question)
    profile.disable()
    pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(LINES)


def hook(given: argparse.Namespace) -> dict[str, Any]:
    """Seconds of processor time of a hook without a resident process, and of `import numpy`, by turns."""
    with TemporaryDirectory(prefix="helamem-hook-") as folder:
        with Memory(Path(folder, "memory.db"), namespace="one", config=Config()) as memory:
            memory.add("Maya is allergic to peanuts.", speaker="Ana")
        programs = {
            "hook": ["-m", "helamem", "hook", "prompt", "--namespace", "one"],
            "numpy": ["-c", "import numpy"],
        }
        for words in programs.values():
            processor_s([sys.executable, *words], folder)  # modules are compiled once
        took: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(given.rounds):
            for name, words in programs.items():
                took[name].append(processor_s([sys.executable, *words], folder))
    medians = {name: round(median(each), 3) for name, each in took.items()}
    return {**medians, "ratio": round(medians["hook"] / medians["numpy"], 2)}


def processor_s(words: list[str], home: str) -> float:
    """What a program takes of the processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        **os.environ,
        "HELAMEM_HOME": home,
        "PYTHONPYCACHEPREFIX": f"{home}/compiled",
        "OPENBLAS_NUM_THREADS": "1",  # as the command line sets it for itself
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # who installs a package has it compiled
    subprocess.run(words, input=EVENT.encode(), env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure one of them, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("search")
    one.add_argument("--memory", type=Path, required=True, help="a file of `bench speed --keep`")
    one.add_argument("--data", type=Path, required=True)
    one.add_argument("--questions", type=int, default=40)
    one.add_argument("--rounds", type=int, default=6)
    one.add_argument("--profile", action="store_true")
    one.set_defaults(run=search)
    other = commands.add_parser("hook")
    other.add_argument("--rounds", type=int, default=15)
    other.set_defaults(run=hook)
    given = parser.parse_args()
    print(json.dumps({**given.run(given), "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
