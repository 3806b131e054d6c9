"""Consolidate the beginning of a conversation with the configured model, and print every fact to be read.

    python facts.py LOCOMO.json CONVERSATION SESSIONS

Each line is a fact, its sources, and what the model said that was refused; whether a fact is right is for a
person to say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from helamem import Memory
from helamem.exchange.locomo import read_locomo


def main(data: str, conversation: str, sessions: str) -> None:
    """Distil, and print."""
    talks = read_locomo(json.loads(Path(data).read_text(encoding="utf-8")))
    turns = next(talk.turns for talk in talks if talk.id == conversation)
    names = list(dict.fromkeys(turn.session for turn in turns))[: int(sessions)]
    with Memory(":memory:") as memory:
        memory.add_many([turn for turn in turns if turn.session in names])
        report = memory.consolidate()
        for fact in memory.facts():
            print(f"{fact.kind:10} {fact.confidence:.2f} {fact.text}")
            for source in fact.sources:
                said = memory.get(source)
                print(f"{'':16}{said.speaker}: {said.text[:160]}")
        print("\n".join(["", "refused:", *report.refused, "failed:", *report.failed]))
        print(report.usage)


if __name__ == "__main__":
    main(*sys.argv[1:])
