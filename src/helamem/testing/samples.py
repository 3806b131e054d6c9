"""Small records for store tests, with defaults for every field."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import filters
from helamem.core import vectors
from helamem.protocols import (
    CHANNELS,
    NODE_KINDS,
    Analysis,
    Distillate,
    EdgeRule,
    Edges,
    Lesson,
    NewCue,
    NewEpisode,
    NewFact,
    RegionQuery,
    Term,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols import Floats, Ints, Nodes, Postings, Store

DIMENSION = 8
ANALYSIS = Analysis(embedder="test", dimension=DIMENSION)
AT = 1_715_000_000.25
STORED_AT = 1_716_000_000.5
LEARNED, SOURCE = CHANNELS.index("learned"), CHANNELS.index("source")
# A rule by which weights only add up, so that tests can state the results.
PLAIN = EdgeRule(tau=math.inf, saturation=0.0, ceiling=1e9, floor=0.0)


def ints(*values: int) -> Ints:
    """An array of ids."""
    return np.array(values, np.int64)


def vector(text: str, dimension: int = DIMENSION) -> Floats:
    """A unit vector that is the same for the same text."""
    seed = int.from_bytes(digest("vector", text), "little")
    drawn = np.random.default_rng(seed).normal(size=(1, dimension)).astype(np.float32)
    unit: Floats = vectors.normalize(drawn)[0]
    return unit


def digest(*parts: object) -> bytes:
    """A key that is the same for the same parts."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def terms(text: str) -> list[Term]:
    """The words of a text, counted; the longest is the most telling."""
    counts = Counter(words(text))
    ranked = sorted(counts, key=lambda word: (-len(word), word))
    return [Term(term=word, count=counts[word], rank=rank) for rank, word in enumerate(ranked)]


def words(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation."""
    return [word.strip(".,?!").lower() for word in text.split()]


def episode(text: str, **others: Any) -> NewEpisode:  # noqa: ANN401  # whatever NewEpisode takes
    """A turn of Ana's in the session "s"; two turns that differ in nothing but metadata are the same."""
    given: dict[str, Any] = {"speaker": "Ana", "role": "", "session": "s", "at": AT, **others}
    given = {
        "stored_at": STORED_AT,
        "metadata": {},
        "vector": vector(text),
        "terms": terms(text),
        "length": len(words(text)),
        "key": digest(given["session"], given["speaker"], given["at"], text),
        **given,
    }
    return NewEpisode(text=text, **given)


def episodes(*texts: str, **others: Any) -> list[NewEpisode]:  # noqa: ANN401
    """One turn per text."""
    return [episode(text, **others) for text in texts]


def fact(text: str, *sources: int, **others: Any) -> NewFact:  # noqa: ANN401
    """A statement about Ana."""
    given: dict[str, Any] = {
        "kind": "statement",
        "confidence": 0.5,
        "speaker": "Ana",
        "at": AT,
        "stored_at": STORED_AT,
        "metadata": {},
        "vector": vector(text),
        "terms": terms(text),
        "length": len(words(text)),
        **others,
    }
    return NewFact(text=text, sources=sources, **given)


def cue(text: str, at: float = AT) -> NewCue:
    """A question to be remembered."""
    return NewCue(key=digest("cue", text), text=text, vector=vector(text), at=at)


def lesson(
    pairs: Mapping[tuple[int, int], float] | None = None,
    *,
    used: Sequence[int] = (),
    cue: NewCue | int | None = None,
    cue_gains: Sequence[float] | None = None,
    weakened: Sequence[tuple[int, int]] = (),
    keep: float = 0.5,
    rule: EdgeRule = PLAIN,
    now: float = 0.0,
    at: float = AT,
) -> Lesson:
    """A lesson from the gain of each pair; a cue is bound to what was used with gains of 1."""
    pairs = pairs or {}
    return Lesson(
        used=ints(*used),
        pairs=np.array(list(pairs), np.int64).reshape(-1, 2),
        gains=np.array(list(pairs.values()), np.float64),
        cue=cue,
        cue_gains=np.array([1.0] * len(used) if cue_gains is None else cue_gains, np.float64),
        weakened=np.array(weakened, np.int64).reshape(-1, 2),
        keep=keep,
        rule=rule,
        now=now,
        at=at,
    )


def query(text: str = "?", **others: Any) -> RegionQuery:  # noqa: ANN401
    """A question to which every memory is a candidate."""
    given: dict[str, Any] = {
        "vector": vector(text),
        "terms": list(dict.fromkeys(words(text))),
        "nearest": 0,
        "lexical": 0,
        "cues": 10,
        "max_postings": 10**6,
        "k1": 1.2,
        "b": 0.75,
        "reach": 0,
        "rule": PLAIN,
        "now": 0.0,
    }
    return RegionQuery(**{**given, **others})


def postings(store: Store, *terms: str, max_rows: int = 10**6) -> Postings:
    """Where the terms occur in the whole namespace."""
    asked = query(vector=vector("?", store.analysis.dimension), terms=terms, max_postings=max_rows)
    return store.region(asked).postings


def around(store: Store, ids: Sequence[int], reach: int) -> list[int]:
    """The ids of the region of some memories: themselves, and the turns around them."""
    where = filters.parse({"id": list(ids)})
    asked = query(where=where, nearest=99, lexical=99, cues=0, reach=reach)
    return [int(id_) for id_ in store.region(asked).nodes.ids]


def add(store: Store, *texts: str, **others: Any) -> list[int]:  # noqa: ANN401
    """Add turns without links; return their ids."""
    return [id_ for id_, _ in store.add(episodes(*texts, **others), link=0.0, now=0.0)]


def add_fact(store: Store, text: str, *sources: int, **others: Any) -> int:  # noqa: ANN401
    """Add one fact as its own cluster; return its id."""
    new = fact(text, *sources, **others)
    return store.add_facts([new], cluster=digest("cluster", text, sources))[0]


def weights(edges: Edges, channel: int = LEARNED) -> dict[tuple[int, int], float]:
    """The weight of each directed edge of one channel."""
    return {
        (source, target): weight
        for source, target, code, weight, _ in rows(edges)
        if code == channel
    }


def rows(record: Edges | Nodes | Postings) -> list[tuple[Any, ...]]:
    """The rows of columns that belong together, in ascending order."""
    columns = [getattr(record, field.name) for field in fields(record)]
    arrays = [column.tolist() for column in columns if isinstance(column, np.ndarray)]
    return sorted(zip(*(each for each in arrays if len(each) == len(arrays[0])), strict=True))


def snapshot(store: Store) -> dict[str, Any]:
    """Everything readable in a store, as comparable plain values."""
    by_kind = {kind: store.ids(kinds=[kind]) for kind in NODE_KINDS}
    ids = np.sort(np.concatenate(list(by_kind.values())))
    memories = store.get([*by_kind["episode"].tolist(), *by_kind["fact"].tolist()])
    vocabulary = sorted({word for memory in memories for word in words(memory.text)})
    found = postings(store, *vocabulary)
    facts = store.facts(superseded=True)
    return {
        "ids": {kind: found.tolist() for kind, found in by_kind.items()},
        "memories": memories,
        "facts": facts,
        "cues": store.cues(),
        "nodes": _nodes(store, ids),
        "vectors": store.vectors(ids).tobytes(),
        "nearest": store.nearest(vector("?"), 10**6, kinds=NODE_KINDS)[0].tolist(),
        "edges": rows(store.all_edges()),
        "postings": {
            (vocabulary[term], id_, count, rank)
            for term, id_, count, rank in zip(
                found.terms.tolist(),
                found.ids.tolist(),
                found.counts.tolist(),
                found.ranks.tolist(),
                strict=True,
            )
        },
        "documents": (found.n_documents, found.mean_length),
        "history": {each.id: store.history(each.id) for each in [*memories, *facts]},
        "clusters": store.clusters(),
        "lessons": store.lessons(),
        "stats": _stats(store),
    }


def _nodes(store: Store, ids: Ints) -> list[dict[str, Any]]:
    nodes, names = store.nodes(ids), store.speakers()
    found = [
        {field.name: getattr(nodes, field.name)[i].item() for field in fields(nodes)}
        for i in range(len(ids))
    ]
    for row in found:
        row["speakers"] = names[row["speakers"]] if row["speakers"] >= 0 else None
    return found


def _stats(store: Store) -> dict[str, Any]:
    stats = store.stats()
    return {
        field.name: getattr(stats, field.name)
        for field in fields(stats)
        if field.name not in ("file_bytes", "path", "speakers")
    }


def moment(seconds: float) -> datetime:
    """Epoch seconds as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def fill(store: Store) -> list[int]:
    """Store some of everything; return the ids."""
    ids = [
        id_ for id_, _ in store.add(episodes("one two", "two three", "three"), link=0.5, now=0.0)
    ]
    old, new = add_fact(store, "then", *ids[:2]), add_fact(store, "now", *ids)
    store.supersede(old, new, at=3.0)
    learned = store.learn(lesson({(ids[0], ids[2]): 0.5}, used=ids[:2], cue=cue("which?")))
    store.update(ids[2], episode("three four"), at=4.0)
    assert learned.cue is not None  # noqa: S101
    return [*ids, new, learned.cue]


def nothing(mark: bytes) -> Distillate:
    """The result of distilling a cluster that yields no fact."""
    return Distillate(marks=[mark], facts=[], changed=[], superseded=[], at=1.0)
