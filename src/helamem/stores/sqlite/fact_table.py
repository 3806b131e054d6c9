"""Facts, their sources and successors, and the clusters already distilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.sqlite import edge_table, node_table, posting_table, rows
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
        fact.stored_at, rows.dumped(fact.metadata), fact.length, fact.traits, None,
    )  # fmt: skip
    space.db.execute("INSERT INTO fact VALUES (?, ?, ?, NULL)", id_, fact.kind, fact.confidence)
    _rest_on(space, id_, fact.sources, fact.stored_at)
    return id_


def _rest_on(space: Space, fact: int, episodes: Iterable[int], at: float) -> None:
    for episode in sorted(set(episodes)):
        node_table.require(space, episode, EPISODE)
        space.db.execute("INSERT INTO fact_source VALUES (?, ?)", fact, episode)
        edge_table.link(space, fact, episode, SOURCE, weight=1.0, touched=at)


def change(space: Space, fact: ChangedFact, at: float) -> None:
    """Update a known fact after new evidence."""
    node_table.require(space, fact.id, FACT)
    space.db.execute("UPDATE fact SET confidence = ? WHERE node = ?", fact.confidence, fact.id)
    node_table.note_growth(space, fact.id, rows.dumped(fact.metadata))
    space.db.execute(
        "UPDATE node SET metadata = ? WHERE id = ?", rows.dumped(fact.metadata), fact.id
    )
    known = sources(space, [fact.id])[fact.id]
    _rest_on(space, fact.id, set(fact.sources) - set(known), at)


def supersede(space: Space, old: int, new: int, at: float) -> None:
    """Mark a fact as superseded by another, and remove it from searches.

    Raises:
        ValueError: The other fact was superseded by this one, or is this one.
    """
    for id_ in (old, new):
        node_table.require(space, id_, FACT)
    later: int | None = new
    while later is not None:
        if later == old:
            raise ValueError(f"fact {new} cannot replace {old}, which it was replaced by")
        (later,) = space.db.row("SELECT superseded_by FROM fact WHERE node = ?", later)
    space.db.execute("UPDATE fact SET superseded_by = ? WHERE node = ?", new, old)
    _set_active(space, [old], active=False)
    node_table.note(space, old, "superseded", at)


def _set_active(space: Space, ids: Sequence[int], *, active: bool) -> None:
    """Remove facts from searches, or return them, and adjust the counts."""
    sign = 1 if active else -1
    flipped = space.db.rows(
        "SELECT id, length FROM node WHERE active <> ? AND id IN (SELECT value FROM json_each(?))",
        active,
        listed(ids),
    )
    for id_, length in flipped:
        space.db.execute("UPDATE node SET active = ? WHERE id = ?", active, id_)
        posting_table.count(space, id_, sign)
        node_table.count(space, sign, sign * length)
    if flipped:
        node_table.changed(space, [id_ for id_, _ in flipped])


def relink_superseded(space: Space, going: list[int]) -> None:
    """Before facts are removed, relink the facts they superseded to their successors, or reactivate them."""
    gone = "superseded_by IN (SELECT value FROM json_each(?1))"
    while held := space.db.rows(f"SELECT node FROM fact WHERE {gone}", listed(going)):  # noqa: S608
        space.db.execute(
            "UPDATE fact SET superseded_by ="  # noqa: S608  # our own words
            " (SELECT f.superseded_by FROM fact f WHERE f.node = fact.superseded_by)"
            f" WHERE {gone}",
            listed(going),
        )
        _set_active(
            space,
            space.db.column(
                "SELECT node FROM fact WHERE superseded_by IS NULL"
                " AND node IN (SELECT value FROM json_each(?))",
                listed(node for (node,) in held),
            ),
            active=True,
        )


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
        return None
    mark(space, distillate.marks)
    ids = add(space, distillate.facts)
    for changed in distillate.changed:
        change(space, changed, distillate.at)
    for old, index in distillate.superseded:
        supersede(space, old, ids[index], distillate.at)
    return ids
