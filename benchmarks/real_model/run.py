"""Answer questions of a data set with the configured model, then distil the beginning of two conversations.

    python run.py LOCOMO.json QUESTIONS SESSIONS

Each fact is printed with its sources, and each refusal with its reason; whether a fact is right is for a person to
say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from helamem import Config, Memory
from helamem.exchange.locomo import read_locomo
from helamem.memory import language_model

# What suits a small model: few turns a call, and no known facts, which it takes for what was said.
SETTINGS = {"reflection.stretch": 12, "reflection.known": 0}


def main(data: str, questions: str, sessions: str) -> int:
    """Answer, distil, and print; the exit code of the answers."""
    command = "bench answers --no-judge --workers 1 --max-tokens 500 --systems default,cosine"
    asked = [*command.split(), "--data", data, "--questions", questions]
    answered = subprocess.run([sys.executable, "-m", "helamem", *asked], check=False)
    config = Config.load(**SETTINGS)
    llm = language_model(config)
    for talk in read_locomo(json.loads(Path(data).read_text(encoding="utf-8")))[:2]:
        names = list(dict.fromkeys(turn.session for turn in talk.turns))[: int(sessions)]
        print(f"\n{talk.id}, {len(names)} sessions")
        with Memory(":memory:", config=config, llm=llm) as memory:
            memory.add_many([turn for turn in talk.turns if turn.session in names])
            distil(memory)
    return answered.returncode


def distil(memory: Memory) -> None:
    """Distil, and print what came of it."""
    report = memory.consolidate()
    for fact in memory.facts():
        print(f"{fact.kind:10} {fact.confidence:.2f} {fact.text}")
        for source in fact.sources:
            said = memory.get(source)
            print(f"{'':16}{said.speaker}: {said.text[:160]}")
    print("\n".join(["refused:", *report.refused, "failed:", *report.failed]))
    print(report.usage)
    for profile in memory.profile():
        print(profile)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
