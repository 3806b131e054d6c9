"""How much a result hangs on single conversations: the default's recall with each of them left out.

python benchmarks/spread.py --data locomo10.json --json spread.json
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from helamem import embedders
from helamem.evaluation import forms, runner
from helamem.evaluation.provenance import provenance
from helamem.evaluation.systems import named

METRIC = "recall@10"


def main() -> None:
    """Measure each conversation by itself, and put the others together."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--embedder", default="static")
    options.add_argument("--json", type=Path, required=True)
    given = options.parse_args()
    dataset = forms.load(given.data)
    alone = {}
    for conversation in dataset.conversations:
        part = replace(dataset, conversations=(conversation,))
        result = runner.run(
            part, systems=named(["default"]), embedder=embedders.load(given.embedder)
        )
        summary = result["systems"]["default"]
        alone[conversation.id] = summary["questions"], summary[METRIC]
    left_out = {
        name: mean([each for other, each in alone.items() if other != name]) for name in alone
    }
    command = f"python benchmarks/spread.py --data {given.data.name} --embedder {given.embedder}"
    result = {
        **provenance(dataset, embedder=given.embedder, command=command),
        "metric": METRIC,
        "alone": {name: value for name, (_, value) in alone.items()},
        "left_out": left_out,
    }
    given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"alone": result["alone"], "left_out": left_out}, indent=2))


def mean(parts: list[tuple[int, float]]) -> float:
    """The mean over the questions of several conversations."""
    return round(sum(n * value for n, value in parts) / sum(n for n, _ in parts), 4)


if __name__ == "__main__":
    main()
