"""Every call of a store, for tests of what each one refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.protocols import Analysis
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.protocols import Store


def about(store: Store, own: int, id_: int) -> list[Callable[[], object]]:
    """Every call of a store with an existing id."""
    one = samples.ints(id_)
    return [
        lambda: store.get([id_]),
        lambda: store.nodes(one),
        lambda: store.vectors(one),
        lambda: store.history(id_),
        lambda: store.update(id_, samples.episode("new"), at=1.0),
        lambda: store.remove([id_], at=1.0),
        lambda: store.supersede(own, id_, at=1.0),
        lambda: store.supersede(id_, own, at=1.0),
        lambda: store.learn(samples.lesson(used=[id_])),
        lambda: store.learn(samples.lesson({(own, id_): 0.5})),
        lambda: store.learn(samples.lesson(used=[own], cue=id_)),
        lambda: store.add_facts([samples.fact("new", id_)], cluster=b"new"),
    ]


def others(store: Store) -> list[Callable[[], object]]:
    """Every other call of a store."""
    nothing = np.empty(0, np.int64)
    analysis = Analysis(embedder="test", dimension=samples.DIMENSION)
    return [
        lambda: store.add(samples.episodes("new"), link=0.0, now=0.0),
        lambda: store.put(samples.episode("new"), at=1.0),
        lambda: store.find(b"new"),
        lambda: store.annotate(1, {}, was={}),
        lambda: store.distil(samples.nothing(b"new")),
        lambda: store.restore([samples.cue("new?")], lambda _: store.all_edges()),
        lambda: store.prune(rule=samples.PLAIN, now=0.0),
        lambda: store.repair(at=0.0, dry_run=True),
        lambda: store.nearest(samples.vector("x"), 1, kinds=["episode"]),
        lambda: store.region(samples.query()),
        lambda: store.edges(nothing),
        store.all_edges,
        lambda: store.ids(kinds=["episode"]),
        store.speakers,
        store.facts,
        store.cues,
        store.clusters,
        lambda: store.joined(at_least=1),
        store.supersessions,
        lambda: store.mark([b"new"]),
        lambda: store.unmark([b"new"]),
        store.lessons,
        store.stats,
        lambda: store.analysis,
        lambda: store.reindexing(analysis),
        store.check,
    ]
