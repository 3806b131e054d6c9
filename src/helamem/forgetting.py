"""Which episodes are weak, old and unused, and so may go. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem import decay
from helamem.core import hebbian
from helamem.core.forgetting import Verdict, verdicts
from helamem.core.graph import sums_at
from helamem.decay import DAY_S
from helamem.records import ForgetPlan

if TYPE_CHECKING:
    from helamem.config import Config, Forgetting
    from helamem.protocols import EdgeRule, Edges, Floats, Ints, Nodes, Store


def plan_forgetting(store: Store, config: Config, *, now: float, learning_now: float) -> ForgetPlan:
    """Which episodes may go; what a fact rests on stays. Writes nothing."""
    nodes = store.nodes(store.ids(kinds=["episode"]))
    memories = store.get([int(id_) for id_ in nodes.ids])
    used_at = [memory.used_at.timestamp() if memory.used_at else np.nan for memory in memories]
    codes = find_forgettable(
        nodes,
        store.all_edges(),
        np.array([max(memory.at, memory.stored_at).timestamp() for memory in memories], np.float64),
        np.array([memory.uses for memory in memories], np.int64),
        np.array(used_at, np.float64),
        rule=decay.rule(config.learning),
        learning_now=learning_now,
        now=now,
        config=config.forgetting,
    )
    return ForgetPlan(
        ids=tuple(int(id_) for id_ in nodes.ids[codes == Verdict.FORGET]),
        considered=len(nodes.ids),
        kept_strong=int((codes == Verdict.STRONG).sum()),
        kept_young=int((codes == Verdict.YOUNG).sum()),
        kept_used=int((codes == Verdict.USED).sum()),
    )


def find_forgettable(
    nodes: Nodes,
    edges: Edges,
    known_since: Floats,
    uses: Ints,
    used_at: Floats,
    *,
    rule: EdgeRule,
    learning_now: float,
    now: float,
    config: Forgetting,
) -> Ints:
    """A `Verdict` for each episode: it may go, or why it stays. What a fact rests on is not weak.

    Args:
        known_since: Since when each episode can have been of use, in epoch seconds: since it was said, or
            stored if that was later.
        uses: How often each episode was used; 0 for never.
        used_at: When each was last used, in epoch seconds; NaN for never.
        learning_now: The learning clock.
        now: Epoch seconds.
    """
    weights = hebbian.decayed(
        edges.weights, learning_now - edges.touched, tau=rule.tau, floor=rule.floor
    )
    strength = sums_at(nodes.ids, edges.sources, weights)
    return verdicts(
        strength,
        now - known_since,
        now - np.where(np.isnan(used_at), known_since, used_at),
        uses,
        max_strength=config.max_strength,
        min_age_s=config.min_age_days * DAY_S,
        min_idle_s=config.min_idle_days * DAY_S,
    )
