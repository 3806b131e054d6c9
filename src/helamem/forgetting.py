"""Plans which episodes may be forgotten: the weak, old and unused ones. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem import decay
from helamem.core import forgetting, hebbian
from helamem.core.arrays import batches
from helamem.core.forgetting import Verdict
from helamem.core.graph import sums_at
from helamem.decay import DAY_S
from helamem.frozen import dataclass
from helamem.records import GROUP, KEEP, Episode
from helamem.reports import ForgetPlan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helamem.config import Config, Forgetting
    from helamem.core.arrays import Bools
    from helamem.protocols import EdgeRule, Floats, Ints, Store

AT_ONCE = 1000  # episodes that are read together
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
    worn = _worn(store, config, learning_now)
    codes = _verdicts(store, worn, config.forgetting, now=now, ignored=ignored)
    may_go = codes == Verdict.FORGET
    has_learned = bool(store.lessons())
    share = config.forgetting.max_share if max_share is None else max_share
    most = int(share * len(worn.ids)) if has_learned else 0
    goes = forgetting.weakest(may_go, worn.strength, worn.since, worn.groups, most=most)
    return ForgetPlan(
        ids=tuple(with_older(store, worn.ids[goes].tolist())),
        considered=len(worn.ids),
        kept_strong=int((codes == Verdict.STRONG).sum()),
        kept_young=int((codes == Verdict.YOUNG).sum()),
        kept_used=int((codes == Verdict.USED).sum()),
        kept_marked=int((codes == Verdict.MARKED).sum()),
        left=int((may_go & ~goes).sum()),
        refused=UNLEARNED if may_go.any() and not has_learned else "",
    )


def _verdicts(
    store: Store, worn: _Worn, limits: Forgetting, *, now: float, ignored: int | None
) -> Ints:
    """What each episode's own state and marks say: a `Verdict` per row."""
    codes = forgetting.verdicts(
        worn.strength,
        _age(store, worn.ids, now - worn.since, ignored),
        now - worn.last_used,
        worn.uses,
        max_strength=limits.max_strength,
        min_age_s=limits.min_age_days * DAY_S,
        min_idle_s=limits.min_idle_days * DAY_S,
    )
    return forgetting.marked(codes, worn.keep, worn.groups)


def with_older(store: Store, ids: Iterable[int]) -> list[int]:
    """Memories to remove, with all that they have superseded in steps, which would be valid again otherwise."""
    going = dict.fromkeys(ids)
    latest = set(going)
    while latest:
        supersessions = store.supersessions(among=sorted(latest))
        latest -= {
            each.old for each in supersessions if each.new not in going
        }  # these have a successor
        latest = {each.old for each in supersessions if each.new in latest} - going.keys()
        going |= dict.fromkeys(sorted(latest))
    return list(going)


def _age(store: Store, ids: Ints, age: Floats, ignored: int | None) -> Floats:
    """The age of episodes in seconds; without end for those that were shown often and never used."""
    if ignored is None:
        return age
    unwanted = [id_ for id_, _ in store.ignored(at_least=ignored)]
    return np.where(np.isin(ids, unwanted), np.inf, age)


@dataclass(frozen=True, slots=True, eq=False)
class _Worn:
    """The columns that forgetting decides by, one row per episode.

    Attributes:
        strength: The sum of its decayed edge weights.
        since: When its age starts, and
        last_used: when it was last used, or its age starts; in epoch seconds.
        keep: Whether it is marked to stay.
        groups: The number of its group; -1 for none.
    """

    ids: Ints
    strength: Floats
    since: Floats
    last_used: Floats
    uses: Ints
    keep: Bools
    groups: Ints


def _worn(store: Store, config: Config, learning_now: float) -> _Worn:
    """The columns of all episodes, of which only some are in memory at a time."""
    ids, rule = store.ids(kinds=["episode"]), decay.rule(config.learning)
    numbers: dict[tuple[str, str], int] = {}
    parts = [_of_some(store, some, rule, learning_now, numbers) for some in batches(ids, AT_ONCE)]
    if not parts:
        parts = [_of_some(store, ids, rule, learning_now, numbers)]
    return _Worn(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _Worn.__slots__)
    )


def _of_some(
    store: Store,
    ids: Ints,
    rule: EdgeRule,
    learning_now: float,
    numbers: dict[tuple[str, str], int],
) -> _Worn:
    episodes = [each for each in store.get(ids.tolist()) if isinstance(each, Episode)]
    since = np.array([max(each.at, each.stored_at).timestamp() for each in episodes], np.float64)
    used = [each.used_at.timestamp() if each.used_at else np.nan for each in episodes]
    return _Worn(
        ids=ids,
        strength=_strength(store, ids, rule, learning_now),
        since=since,
        last_used=np.where(np.isnan(used), since, used),
        uses=np.array([each.uses for each in episodes], np.int64),
        keep=np.array([each.metadata.get(KEEP) is True for each in episodes], np.bool_),
        groups=np.array([_group(each, numbers) for each in episodes], np.int64),
    )


def _strength(store: Store, ids: Ints, rule: EdgeRule, learning_now: float) -> Floats:
    """Each episode's strength: the sum of its decayed edge weights."""
    edges = store.edges(ids)
    weights = hebbian.decayed(
        edges.weights, learning_now - edges.touched, tau=rule.tau, floor=rule.floor
    )
    return sums_at(ids, edges.sources, weights)


def _group(episode: Episode, numbers: dict[tuple[str, str], int]) -> int:
    """The number of an episode's group; -1 for none."""
    name = episode.metadata.get(GROUP)
    return (
        numbers.setdefault((episode.session, name), len(numbers)) if isinstance(name, str) else -1
    )
