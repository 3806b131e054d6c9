"""Facts, their sources, and the clusters already distilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import Supersession
from helamem.stores import encoding
from helamem.stores.postgres import edge_table, journal, node_table, superseding
from helamem.stores.postgres.edge_table import SOURCE
from helamem.stores.postgres.rows import EPISODE, FACT, IS_SUPERSEDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.protocols import ChangedFact, Distillate, NewFact
    from helamem.stores.postgres.database import Scope, Statement

_INSERT = (
    "INSERT INTO helamem.fact (namespace, node, kind, confidence)"
    " SELECT %(ns)s, * FROM unnest(%(ids)s::bigint[], %(kinds)s::text[], %(confidences)s::float8[])"
)
_SOURCES = (
    "INSERT INTO helamem.fact_source (namespace, fact, episode)"
    " SELECT %(ns)s, * FROM unnest(%(facts)s::bigint[], %(episodes)s::bigint[])"
)


def marking(digests: Sequence[bytes]) -> Statement:
    """The statement that records that clusters have been distilled."""
    return (
        "INSERT INTO helamem.cluster (namespace, digest)"
        " SELECT DISTINCT %(ns)s::uuid, digest FROM unnest(%(digests)s::bytea[]) AS d(digest)"
        " ON CONFLICT (namespace, digest) DO NOTHING",
        {"digests": list(digests)},
    )


def unmarking(digests: Sequence[bytes]) -> Statement:
    """The statement that forgets that clusters have been distilled."""
    return (
        "DELETE FROM helamem.cluster WHERE namespace = %(ns)s AND digest = ANY(%(digests)s::bytea[])",
        {"digests": list(digests)},
    )


def add(scope: Scope, facts: Sequence[NewFact], dimension: int) -> list[int]:
    """Insert facts and link them with their episodes in both directions; return their ids."""
    if not all(fact.sources for fact in facts):
        raise ValueError("a fact needs at least one episode that it rests on")
    if not facts:
        return []
    node_table.require(scope, (id_ for fact in facts for id_ in fact.sources), EPISODE)
    [numbers] = scope.batch(node_table.numbering(len(facts)))
    added = [(int(id_), fact) for (id_,), fact in zip(numbers, facts, strict=True)]
    scope.batch(*_adding(added, dimension))
    return [id_ for id_, _ in added]


def _adding(added: Sequence[tuple[int, NewFact]], dimension: int) -> list[Statement]:
    table = [
        {**node_table.text_columns(fact, dimension), "id": id_, "kind": FACT} for id_, fact in added
    ]
    facts = {
        "ids": [id_ for id_, _ in added],
        "kinds": [fact.kind for _, fact in added],
        "confidences": [fact.confidence for _, fact in added],
    }
    resting = [each for id_, fact in added for each in _resting(id_, fact.sources, fact.stored_at)]
    return [
        node_table.inserting(table),
        (_INSERT, facts),
        *resting,
        *node_table.adding_contents(added),
    ]


def _resting(fact: int, episodes: Iterable[int], at: float) -> list[Statement]:
    """The statements that let a fact rest on episodes."""
    ordered = sorted(set(episodes))
    return [
        (_SOURCES, {"facts": [fact] * len(ordered), "episodes": ordered}),
        edge_table.linking([(fact, each) for each in ordered], SOURCE, weight=1.0, touched=at),
    ]


def change(scope: Scope, fact: ChangedFact, at: float, step: int | None) -> None:
    """Update a known fact after new evidence; if there is a step, the journal keeps the earlier state under it."""
    node_table.require(scope, [fact.id], FACT)
    known = sources(scope, [fact.id])[fact.id]
    new = set(fact.sources) - set(known)
    node_table.require(scope, new, EPISODE)
    entries = [] if step is None else [journal.changing(step, fact, sorted(new))]
    scope.batch(
        *entries,
        (
            "UPDATE helamem.fact SET confidence = %(confidence)s WHERE namespace = %(ns)s AND node = %(id)s",
            {"confidence": fact.confidence, "id": fact.id},
        ),
        (
            "UPDATE helamem.node SET metadata = %(metadata)s WHERE namespace = %(ns)s AND id = %(id)s",
            {"metadata": encoding.dumped(fact.metadata), "id": fact.id},
        ),
        node_table.unstaging([fact.id]),
        *_resting(fact.id, new, at),
    )


def ids(scope: Scope, *, superseded: bool, resting_on: Sequence[int] | None) -> list[int]:
    """The facts, or those that rest on one of these episodes, ascending."""
    only = (
        ""
        if resting_on is None
        else (
            " AND f.node IN (SELECT fact FROM helamem.fact_source WHERE namespace = %(ns)s"
            " AND episode = ANY(%(episodes)s::bigint[]))"
        )
    )
    return scope.column(
        "SELECT f.node FROM helamem.fact f WHERE f.namespace = %(ns)s"
        f" AND (%(superseded)s OR NOT {IS_SUPERSEDED.format('f.node')}){only} ORDER BY f.node",
        superseded=superseded,
        episodes=list(resting_on or ()),
    )


def sources(scope: Scope, facts: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The episodes that each fact rests on, ascending."""
    found: dict[int, list[int]] = {id_: [] for id_ in facts}
    for fact, episode in scope.rows(
        "SELECT fact, episode FROM helamem.fact_source WHERE namespace = %(ns)s AND fact = ANY(%(facts)s::bigint[])"
        " ORDER BY fact, episode",
        facts=list(facts),
    ):
        found[fact].append(episode)
    return {fact: tuple(episodes) for fact, episodes in found.items()}


def distil(scope: Scope, distillate: Distillate, dimension: int) -> list[int] | None:
    """Store the facts of one cluster unless it is already marked as distilled; return their ids."""
    if scope.find(
        "SELECT 1 FROM helamem.cluster WHERE namespace = %(ns)s AND digest = ANY(%(digests)s::bytea[])",
        digests=list(distillate.marks),
    ):
        if distillate.step is not None:
            scope.batch(journal.dropping_empty(distillate.step))
        return None
    scope.batch(marking(distillate.marks))
    added = add(scope, distillate.facts, dimension)
    for changed in distillate.changed:
        change(scope, changed, distillate.at, distillate.step)
    for old, index in distillate.superseded:
        supersession = Supersession(old=old, new=added[index])
        superseding.supersede(scope, supersession, distillate.at, distillate.rule, distillate.now)
    if distillate.step is not None:
        scope.batch(*journal.distilling(distillate.step, distillate.marks, added))
    return added
