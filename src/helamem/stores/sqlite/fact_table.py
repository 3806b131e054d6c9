"""Facts, their sources, and the clusters already distilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import Supersession
from helamem.stores import encoding
from helamem.stores.sqlite import edge_table, journal, node_table, superseding
from helamem.stores.sqlite.edge_table import SOURCE
from helamem.stores.sqlite.namespace import listed
from helamem.stores.sqlite.rows import EPISODE, FACT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.protocols import ChangedFact, Distillate, NewFact
    from helamem.stores.sqlite.namespace import Space


def mark(space: Space, digests: Sequence[bytes]) -> None:
    """Record that clusters have been distilled."""
    space.db.many(
        "INSERT OR IGNORE INTO cluster VALUES (?, ?)",
        [(space.id, digest) for digest in digests],
    )


def unmark(space: Space, digests: Sequence[bytes]) -> None:
    """Forget that clusters have been distilled."""
    space.db.many(
        "DELETE FROM cluster WHERE namespace = ? AND digest = ?",
        [(space.id, digest) for digest in digests],
    )


def marked(space: Space, among: Sequence[bytes] | None) -> set[bytes]:
    """The digests of the clusters that have been distilled: all, or those among some."""
    mine = "SELECT digest FROM cluster WHERE namespace = ?"
    if among is None:
        return set(space.db.column(mine, space.id))
    found: set[bytes] = set()
    for start in range(0, len(among), node_table.MAX_BOUND):
        some = among[start : start + node_table.MAX_BOUND]
        found.update(
            space.db.column(f"{mine} AND digest IN ({','.join('?' * len(some))})", space.id, *some)
        )
    return found


def _is_marked(space: Space, digest: bytes) -> bool:
    known = "SELECT 1 FROM cluster WHERE namespace = ? AND digest = ?"
    return space.db.find(known, space.id, digest) is not None


def add(space: Space, facts: Sequence[NewFact]) -> list[int]:
    """Insert facts and link them with their episodes in both directions; return their ids."""
    added = [(_add_fact(space, fact), fact) for fact in facts]
    node_table.add_contents(space, added)
    return [id_ for id_, _ in added]


def _add_fact(space: Space, fact: NewFact) -> int:
    if not fact.sources:
        raise ValueError("a fact needs at least one episode that it rests on")
    id_ = node_table.insert(space,
        FACT, None, fact.text, fact.speaker, "", None, fact.at,
        fact.stored_at, encoding.dumped(fact.metadata), fact.length, fact.traits, None,
    )  # fmt: skip
    space.db.execute("INSERT INTO fact VALUES (?, ?, ?)", id_, fact.kind, fact.confidence)
    _rest_on(space, id_, fact.sources, fact.stored_at)
    return id_


def _rest_on(space: Space, fact: int, episodes: Iterable[int], at: float) -> None:
    for episode in sorted(set(episodes)):
        node_table.require(space, episode, EPISODE)
        space.db.execute("INSERT INTO fact_source VALUES (?, ?)", fact, episode)
        edge_table.link(space, fact, episode, SOURCE, weight=1.0, touched=at)


def change(space: Space, fact: ChangedFact, at: float, step: int | None = None) -> None:
    """Update a known fact after new evidence; if there is a step, the journal keeps the earlier state under it."""
    node_table.require(space, fact.id, FACT)
    known = set(sources(space, [fact.id])[fact.id])
    if step is not None:
        journal.note_change(space, step, fact, sorted(set(fact.sources) - known))
    space.db.execute("UPDATE fact SET confidence = ? WHERE node = ?", fact.confidence, fact.id)
    node_table.note_growth(space, fact.id, encoding.dumped(fact.metadata))
    space.db.execute(
        "UPDATE node SET metadata = ? WHERE id = ?", encoding.dumped(fact.metadata), fact.id
    )
    _rest_on(space, fact.id, set(fact.sources) - known, at)


def ids(space: Space, *, superseded: bool, resting_on: Sequence[int] | None) -> list[int]:
    """The facts, or those that rest on one of these episodes, ascending."""
    only = (
        ""
        if resting_on is None
        else (
            " AND n.id IN (SELECT fact FROM fact_source"
            " WHERE episode IN (SELECT value FROM json_each(?)))"
        )
    )
    return space.db.column(
        "SELECT n.id FROM fact f JOIN node n ON n.id = f.node"  # noqa: S608  # our own words
        f" WHERE +n.namespace = ? AND n.active >= ?{only} ORDER BY n.id",
        space.id,
        not superseded,
        *([] if resting_on is None else [listed(resting_on)]),
    )


def sources(space: Space, facts: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The episodes that each fact rests on, ascending."""
    found: dict[int, list[int]] = {id_: [] for id_ in facts}
    for fact, episode in space.db.rows(
        "SELECT fact, episode FROM fact_source"
        " WHERE fact IN (SELECT value FROM json_each(?)) ORDER BY fact, episode",
        listed(facts),
    ):
        found[fact].append(episode)
    return {fact: tuple(episodes) for fact, episodes in found.items()}


def distil(space: Space, distillate: Distillate) -> list[int] | None:
    """Store the facts of one cluster unless it is already marked as distilled; return their ids."""
    if any(_is_marked(space, digest) for digest in distillate.marks):
        if distillate.step is not None:
            journal.drop_empty(space, distillate.step)
        return None
    mark(space, distillate.marks)
    ids = add(space, distillate.facts)
    for changed in distillate.changed:
        change(space, changed, distillate.at, distillate.step)
    for old, index in distillate.superseded:
        superseding.supersede(
            space,
            Supersession(old=old, new=ids[index]),
            distillate.at,
            distillate.rule,
            distillate.now,
        )
    if distillate.step is not None:
        journal.note_distilled(space, distillate.step, distillate.marks, ids)
    return ids
