"""Exports a whole memory as JSON lines, without its vectors; `restoring` imports them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import DataError
from helamem.exchange import sound
from helamem.exchange.jsonl import read_jsonl
from helamem.protocols import CHANNELS
from helamem.records import Episode, Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from helamem.exchange.reading import Reading
    from helamem.protocols import Edges, Ints, Store, Supersession

FORMAT = 1
OPENING = 40  # leading characters of a line that contain its type
LEARNED = CHANNELS.index("learned")


def export(store: Store, embedder_name: str) -> Iterator[dict[str, Any]]:
    """The lines of an export of one moment: a header, episodes, facts, cues, edges, and what is superseded."""
    with store.reading() as seen:
        ids = seen.ids(kinds=["episode"], superseded=True).tolist()
        lessons, memories, origins = seen.lessons(), seen.get(ids), seen.origins(ids)
        facts, cues = seen.facts(superseded=True), seen.cues()
        edges, clusters = seen.all_edges(superseded=True), sorted(seen.clusters())
        superseded = seen.supersessions()
    yield {
        "type": "helamem",
        "format": FORMAT,
        "namespace": store.namespace,
        "embedder": embedder_name,
        "lessons": lessons,
    }
    yield from (
        _episode_line(memory, *origin)
        for memory, origin in zip(memories, origins, strict=True)
        if isinstance(memory, Episode)
    )
    yield from (_fact_line(fact) for fact in facts)
    yield from ({"type": "cue", "id": id_, "text": words, "at": at} for id_, words, at in cues)
    yield from _edge_lines(edges)
    yield from map(_superseded_line, superseded)
    yield from ({"type": "cluster", "digest": each.hex()} for each in clusters)


def sections(lines: Iterable[str]) -> dict[str, list[str]]:
    """Consecutive exports of several namespaces, by namespace.

    Raises:
        DataError: A header is malformed, or two are of one namespace.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for number, line in enumerate(lines, start=1):
        header = sound.parsed(line, number) if '"helamem"' in line[:OPENING] else {}
        if header.get("type") == "helamem":
            name = str(header.get("namespace", ""))
            if name in found:
                raise DataError(
                    f"the namespace {name!r} appears twice; import the exports one by one",
                    line=number,
                )
            found[name] = []
        if found:
            found[name].append(line)
    return found


def read(
    lines: Iterable[str], zone: tzinfo | None = None, *, before: int = 0
) -> sound.Export | Reading:
    """An export, or the turns of a JSONL, checked.

    Args:
        zone: The zone of times of a JSONL that name none.
        before: How many lines of the file come before these.

    Raises:
        DataError: A line is malformed; the message says which.
    """
    stream = enumerate(lines, start=before + 1)
    number, first = next(((n, line) for n, line in stream if line.strip("\ufeff \t\r\n")), (1, ""))
    if '"helamem"' not in first:
        left = (line for _, line in stream)
        return read_jsonl(itertools.chain([""] * (number - 1), [first], left), zone)
    header = sound.parsed(first.lstrip("\ufeff"), number)
    if header.get("type") != "helamem" or header.get("format") != FORMAT:
        raise DataError(
            f"this export has format {sound.shown(header.get('format'))}, but this version reads "
            f"{FORMAT}; import it with the version that wrote it",
            line=number,
        )
    return sound.checked(header, ((n, line) for n, line in stream if line.strip()))


def _episode_line(episode: Episode, key: bytes, offset: int | None) -> dict[str, Any]:
    return {
        "type": "episode",
        "id": episode.id,
        "text": episode.text,
        "speaker": episode.speaker,
        "role": episode.role,
        "session": episode.session,
        "at": episode.at.timestamp(),
        "utc_offset": offset,
        "key": key.hex(),
        "stored_at": episode.stored_at.timestamp(),
        "metadata": dict(episode.metadata),
        "uses": episode.uses,
        "used_at": _seconds(episode.used_at),
    }


def _fact_line(fact: Fact) -> dict[str, Any]:
    return {
        "type": "fact",
        "id": fact.id,
        "text": fact.text,
        "kind": fact.kind,
        "confidence": fact.confidence,
        "sources": list(fact.sources),
        "speaker": fact.speaker,
        "at": fact.at.timestamp(),
        "stored_at": fact.stored_at.timestamp(),
        "superseded_by": fact.superseded_by,
        "metadata": dict(fact.metadata),
        "uses": fact.uses,
        "used_at": _seconds(fact.used_at),
    }


def _superseded_line(supersession: Supersession) -> dict[str, Any]:
    return {
        "type": "superseded",
        "old": supersession.old,
        "new": supersession.new,
        "yields": supersession.yields,
        "because": supersession.because,
        "handed": [
            {
                "other": each.other,
                "before": None if each.before is None else _weight(each.before),
                "after": _weight(each.after),
            }
            for each in supersession.handed
        ],
    }


def _weight(weight: tuple[float, float]) -> list[float]:
    """A weight as those of edges are exported, so that the two can be compared."""
    return [float(np.float32(weight[0])), weight[1]]


def _edge_lines(edges: Edges) -> Iterator[dict[str, Any]]:
    """One line per undirected learned edge; other edges follow from episodes and facts."""
    keep: Ints = np.flatnonzero((edges.channels == LEARNED) & (edges.sources < edges.targets))
    for i in keep:
        yield {
            "type": "edge",
            "source": int(edges.sources[i]),
            "target": int(edges.targets[i]),
            "weight": float(edges.weights[i]),
            "touched": float(edges.touched[i]),
        }


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.astimezone(UTC).timestamp()
