"""Plans which episodes may be forgotten: the weak, old and unused ones. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem import decay
from helamem.core import forgetting, hebbian
from helamem.core.forgetting import Verdict
from helamem.core.graph import sums_at
from helamem.decay import DAY_S
from helamem.records import GROUP, KEEP, Episode
from helamem.reports import ForgetPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.config import Config
    from helamem.protocols import Floats, Ints, Store

UNLEARNED = (
    "Nothing was ever reinforced, so useful and useless episodes cannot be told apart, and nothing "
    "is forgotten. Reinforce what serves, or delete what should go."
)


def plan_forgetting(
    store: Store,
    config: Config,
    *,
    now: float,
    learning_now: float,
    max_share: float | None = None,
    ignored: int | None = None,
) -> ForgetPlan:
    """Plan which episodes may go. Sources of facts are not weak, and stay. Writes nothing.

    What they have superseded goes with them, so that no old value comes back when its correction is forgotten.

    Args:
        now: Epoch seconds.
        learning_now: The learning clock.
        max_share: The largest share of the episodes to remove; `forgetting.max_share` by default.
        ignored: After how often an episode that was shown and never used counts as old, however young it is;
            None for never.
    """
    limits = config.forgetting
    ids = store.ids(kinds=["episode"])
    memories = [each for each in store.get(ids.tolist()) if isinstance(each, Episode)]
    strength = _strength(store, config, ids, learning_now)
    since = np.array([max(each.at, each.stored_at).timestamp() for each in memories], np.float64)
    groups = _groups(memories)
    codes = forgetting.marked(
        forgetting.verdicts(
            strength,
            _age(store, ids, now - since, ignored),
            now - _last_used(memories, since),
            np.array([each.uses for each in memories], np.int64),
            max_strength=limits.max_strength,
            min_age_s=limits.min_age_days * DAY_S,
            min_idle_s=limits.min_idle_days * DAY_S,
        ),
        np.array([each.metadata.get(KEEP) is True for each in memories], np.bool_),
        groups,
    )
    may_go = codes == Verdict.FORGET
    share = limits.max_share if max_share is None else max_share
    most = int(share * len(ids)) if store.lessons() else 0
    goes = forgetting.weakest(may_go, strength, since, groups, most=most)
    going = ids[goes].tolist()
    return ForgetPlan(
        ids=tuple(with_older(store, going)),
        considered=len(ids),
        kept_strong=int((codes == Verdict.STRONG).sum()),
        kept_young=int((codes == Verdict.YOUNG).sum()),
        kept_used=int((codes == Verdict.USED).sum()),
        kept_marked=int((codes == Verdict.MARKED).sum()),
        left=int((may_go & ~goes).sum()),
        refused=UNLEARNED if may_go.any() and not store.lessons() else "",
    )


def with_older(store: Store, ids: Iterable[int]) -> list[int]:
    """Memories that go, and what would be valid again without them: what they have superseded, in steps."""
    going = dict.fromkeys(ids)
    latest = set(going)
    while latest:
        told = store.supersessions(among=sorted(latest))
        latest -= {each.old for each in told if each.new not in going}  # these have a successor
        latest = {each.old for each in told if each.new in latest} - going.keys()
        going |= dict.fromkeys(sorted(latest))
    return list(going)


def _age(store: Store, ids: Ints, age: Floats, ignored: int | None) -> Floats:
    """The age of episodes in seconds; without end for those that were shown often and never used."""
    if ignored is None:
        return age
    unwanted = [id_ for id_, _ in store.ignored(at_least=ignored)]
    return np.where(np.isin(ids, unwanted), np.inf, age)


def _strength(store: Store, config: Config, ids: Ints, learning_now: float) -> Floats:
    """Each episode's strength: the sum of its decayed edge weights."""
    edges, rule = store.all_edges(), decay.rule(config.learning)
    weights = hebbian.decayed(
        edges.weights, learning_now - edges.touched, tau=rule.tau, floor=rule.floor
    )
    return sums_at(ids, edges.sources, weights)


def _last_used(memories: Sequence[Episode], since: Floats) -> Floats:
    """When each was last used, in epoch seconds; if never, when its age starts."""
    used = [each.used_at.timestamp() if each.used_at else np.nan for each in memories]
    return np.where(np.isnan(used), since, used)


def _groups(memories: Sequence[Episode]) -> Ints:
    """The number of each episode's group; -1 for none."""
    numbers: dict[tuple[str, str], int] = {}
    found = np.full(len(memories), -1, np.int64)
    for i, each in enumerate(memories):
        name = each.metadata.get(GROUP)
        if isinstance(name, str):
            found[i] = numbers.setdefault((each.session, name), len(numbers))
    return found
