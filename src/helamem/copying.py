"""Copies whole memories between a file and a database, in either direction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import StoreError
from helamem.memory import Memory, load_embedder
from helamem.places import is_there
from helamem.reports import Copied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from helamem.config import Config
    from helamem.engine import Engine
    from helamem.reports import Stats

SEARCHES = 5  # how many searches a copy is compared by
DIGITS = 6  # of their scores, and of weights; vectors are single precision
SHOWN = 5  # differences of one kind that are told
_COMPARED = {"episode": ("key", "text"), "fact": ("text", "at"), "cue": ("text",)}


def copy_namespaces(
    source: str | Path, target: str | Path, *, config: Config, namespaces: Sequence[str] = ()
) -> Iterator[Copied]:
    """Copy namespaces one after the other, each in one transaction, and compare each copy with what was copied.

    What is there already is not stored again, so that a copy that was cut off can be started anew. Everything
    that `export` gives is copied, and vectors are computed; histories are not copied.

    Args:
        source: A file, or the URL of a database; it is only read.
        target: Another one; it is made if it is not there.
        namespaces: Which ones; all of them if there are none.

    Raises:
        ValueError: The source has no such namespace.
        StoreError: One of the two cannot be opened, or was made by another embedder.
    """
    if not is_there(source):
        raise StoreError(f"there is no file {str(source)!r} to copy; check the path")
    embedder = load_embedder(config)
    with Memory(source, config=config, embedder=embedder) as memory:
        there = [each.name for each in memory.namespaces()]
    missing = [name for name in namespaces if name not in there]
    if missing:
        raise ValueError(
            f"there is no namespace {missing[0]!r}; there are: {', '.join(map(repr, there)) or 'none'}"
        )
    for name in namespaces or there:
        with (
            Memory(source, namespace=name, config=config, embedder=embedder) as original,
            Memory(target, namespace=name, config=config, embedder=embedder) as copy,
        ):
            yield _copied(original, copy)


def _copied(original: Engine, copy: Engine) -> Copied:
    stored, wanted = 0, _contents(original)
    lost = wanted.keys() - _contents(copy).keys()
    if lost:
        receipt = copy.import_(json.dumps(line) for line in original.export())
        stored = len(receipt.stored)
        lost = wanted.keys() - _contents(copy).keys()
    counts, found = _counts(original.stats()), _counts(copy.stats())
    questions = _questions(original)
    return Copied(
        namespace=original.namespace,
        episodes=counts["episodes"],
        facts=counts["facts"],
        cues=counts["cues"],
        stored=stored,
        searches=len(questions),
        differences=(
            *(
                f"{found[name]:,} {name} instead of {counts[name]:,}"
                for name in counts
                if found[name] != counts[name]
            ),
            *(f"{wanted[each]} is not there, or reads otherwise" for each in sorted(lost)[:SHOWN]),
            *(
                f"another result for {question!r:.60}"
                for question in questions
                if not _is_found_alike(original, copy, question)
            ),
        ),
    )


def _contents(memory: Engine) -> dict[str, str]:
    """What a memory holds, whatever its ids are: what each thing is called, by all that is to be compared of it."""
    names: dict[int, str] = {}
    found: dict[str, str] = {}
    for line in memory.export():
        kind = line["type"]
        if kind in _COMPARED:
            content = json.dumps([kind, *(line[name] for name in _COMPARED[kind])])
            names[line["id"]] = content
            found[content] = f"{kind} {line['id']}"
        elif kind == "edge":
            ends = sorted(names[line[end]] for end in ("source", "target"))
            content = json.dumps([kind, *ends, round(line["weight"], DIGITS)])
            found[content] = f"the edge between {line['source']} and {line['target']}"
    return found


def _counts(stats: Stats) -> dict[str, int]:
    """How much there is of each kind."""
    return {
        "episodes": stats.episodes,
        "facts": stats.facts,
        "cues": stats.cues,
        "sessions": stats.sessions,
        **{f"{channel} edges": n for channel, n in stats.edges.items()},
    }


def _questions(original: Engine) -> list[str]:
    """Texts of memories from the first to the last, to search for."""
    n = original.list(limit=0).total
    chosen = np.unique(np.linspace(0, max(n - 1, 0), SEARCHES).astype(int))
    listed = [each for i in chosen.tolist() for each in original.list(limit=1, offset=i)]
    return [each.text for each in listed]


def _is_found_alike(original: Engine, copy: Engine, question: str) -> bool:
    """Whether both find the same memories, with the same scores."""
    at = original.now()
    one, other = (
        [(hit.text, round(hit.score, DIGITS)) for hit in memory.search(question, at=at)]
        for memory in (original, copy)
    )
    return one == other
