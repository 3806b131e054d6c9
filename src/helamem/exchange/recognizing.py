"""Computes the keys of turns, and finds those that are already stored.

Callers add one turn, an exchange, the latest twenty messages, the whole history each time, or a file twice;
only new turns may be stored. The rules and reasons are in
docs/decisions/0015-what-makes-two-turns-the-same.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from helamem import identity, indexing, records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from helamem.identity import Utterance
    from helamem.protocols import Heard, Store
    from helamem.records import Turn

RETRY_S = 600.0  # a single turn repeated within this time, with nothing in between, is a retry
EARLY_S = 86_400.0  # a turn is said before it comes in, but clocks and zones may be off by a day
LOOKED_BACK = 2000  # least number of turns of a session that are compared


def keys(turns: Sequence[Turn], store: Store, *, now: float, zone: tzinfo) -> list[bytes]:
    """One key per turn; a key that the store has belongs to a turn that is already stored.

    Args:
        turns: `indexing.cleaned`, in the order in which they were said.
        now: The time of turns without one, in epoch seconds.
        zone: The zone of the days that are sessions of turns that name none.
    """
    found: dict[int, bytes] = {}
    undated: dict[str, list[int]] = {}
    dated: dict[str, list[int]] = {}
    for i, turn in enumerate(turns):
        if records.KEY in turn.metadata:
            found[i] = identity.item(turn.metadata[records.KEY])
        else:
            (undated if turn.at is None else dated).setdefault(turn.session, []).append(i)
    for session, places in undated.items():
        day = session or identity.day(now, zone)
        words = [_words(turns[i]) for i in places]
        found |= zip(places, _undated(words, session, day, store, now), strict=True)
    for places in dated.values():
        some = [turns[i] for i in places]
        found |= zip(places, _dated(some, store, zone), strict=True)
    return [found[i] for i in range(len(turns))]


def _dated(turns: Sequence[Turn], store: Store, zone: tzinfo) -> list[bytes]:
    """The keys of turns of one session whose times are known; some may have come in without them before."""
    seen: Counter[tuple[Utterance, float]] = Counter()
    keys: list[bytes] = []
    for turn in turns:
        like = _words(turn), indexing.moment_of(turn, 0.0)
        keys.append(identity.dated(turn.session, *like, seen[like]))
        seen[like] += 1
    known = store.known(keys)
    if len(known) == len(keys):
        return keys
    earlier = _without_times(turns, store, zone)
    return [key if key in known else earlier.get(i, key) for i, key in enumerate(keys)]


def _without_times(turns: Sequence[Turn], store: Store, zone: tzinfo) -> dict[int, bytes]:
    """The turns that came in before without their times, by their place, with their keys.

    Their place in the session tells, as if the times were not there.
    """
    utterances = [_words(turn) for turn in turns]
    last = _looked_back(len(utterances))
    heard = [
        each
        for kept_as in dict.fromkeys(indexing.session_of(turn, 0.0, zone) for turn in turns)
        for each in _undated_among(store.heard(kept_as, last=last), kept_as, set(utterances))
    ]
    if len(utterances) == 1:
        there = _retried(utterances[0], heard, indexing.moment_of(turns[0], 0.0))
    else:
        from_start = _chained(identity.start(turns[0].session), utterances)
        there = _stored_keys(
            utterances, from_start[: _n_first(from_start, store.known(from_start))], heard
        )
    came = _arrivals(list(there.values()), store)
    return {
        i: key
        for i, key in there.items()
        if indexing.moment_of(turns[i], 0.0) <= came[key] + EARLY_S
    }


def _undated_among(heard: Sequence[Heard], session: str, utterances: set[Utterance]) -> list[Heard]:
    """The turns heard; those among `utterances` whose times were known lose their text, since their times identify them."""
    keys: dict[tuple[Utterance, float], set[bytes]] = {}
    dated = set()
    for each in heard:
        like = _heard_words(each), each.at
        if like[0] in utterances:
            some = keys.setdefault(like, set())
            some |= {identity.dated(named, *like, len(some) // 2) for named in ("", session)}
            dated |= some & {each.key}
    return [replace(each, text="") if each.key in dated else each for each in heard]


def _arrivals(keys: list[bytes], store: Store) -> dict[bytes, float]:
    """When turns that are there came in, in epoch seconds."""
    known = store.known(keys)
    kept = store.get(list(known.values())) if known else []
    stored = {memory.id: memory.stored_at.timestamp() for memory in kept}
    return {key: stored[id_] for key, id_ in known.items()}


def _undated(
    utterances: list[Utterance], session: str, kept_as: str, store: Store, now: float
) -> list[bytes]:
    """The keys of turns without a time, of one conversation."""
    heard = store.heard(kept_as, last=_looked_back(len(utterances)))
    from_start = _chained(identity.start(session), utterances)
    known = store.known(from_start)
    if len(utterances) == 1:
        there = _retried(utterances[0], heard, now)
    else:
        there = _stored_keys(utterances, from_start[: _n_first(from_start, known)], heard)
    if not heard:
        start = identity.start(kept_as if from_start[0] in known else session)
    elif not session and len(utterances) > 1 and from_start[0] not in known:
        start = identity.start(session)  # so that the turn is found again on another day
    else:
        start = heard[-1].key
    return _continued(start, utterances, there)


def _n_first(chain: Sequence[bytes], known: dict[bytes, int]) -> int:
    """The number of leading keys that are known."""
    return next((i for i, key in enumerate(chain) if key not in known), len(chain))


def _looked_back(n_turns: int) -> int:
    """How many of the latest turns may be meant by some that are added; by one, only the very last."""
    return 1 if n_turns == 1 else max(LOOKED_BACK, 2 * n_turns)


def _retried(words: Utterance, heard: Sequence[Heard], now: float) -> dict[int, bytes]:
    last = heard[-1] if heard else None
    if last is None or _heard_words(last) != words or abs(now - last.at) > RETRY_S:
        return {}
    return {0: last.key}


def _stored_keys(
    utterances: Sequence[Utterance], prefix: Sequence[bytes], heard: Sequence[Heard]
) -> dict[int, bytes]:
    """The keys of the turns that are already stored, by their places.

    Where turns were corrected, the conversation is known as it was said, and as it reads since.
    """
    first = [each for each in heard if not each.is_instead]
    now = [each for each in heard if not each.is_superseded]
    found = _matched(utterances, prefix, first)
    return found if first == now else found | _matched(utterances, prefix, now)


def _matched(
    utterances: Sequence[Utterance], prefix: Sequence[bytes], heard: Sequence[Heard]
) -> dict[int, bytes]:
    """Which of several turns are among those heard, by their place, with their keys.

    First those that continue a conversation from its start; then runs of at least two turns in the order of
    what was heard since, and the last turn heard, if the list continues from there.
    """
    if len(prefix) == 1 and not (heard and heard[-1].key == prefix[0]):
        prefix = []  # a single turn, such as "yes", does not identify a conversation
    there = dict(enumerate(prefix))
    if prefix:
        since = next((i + 1 for i, each in enumerate(heard) if each.key == prefix[-1]), len(heard))
        heard = heard[since:]
    rest = utterances[len(prefix) :]
    same = SequenceMatcher(None, [_heard_words(each) for each in heard], rest, autojunk=False)
    for a, b, size in same.get_matching_blocks():
        takes_up = b == 0 and not prefix and a + size == len(heard)
        if size >= 2 or (size == 1 and takes_up):
            there |= {len(prefix) + b + i: heard[a + i].key for i in range(size)}
    return there


def _continued(
    start: bytes, utterances: Sequence[Utterance], there: dict[int, bytes]
) -> list[bytes]:
    """The known keys, with new ones between them, each following the key before."""
    found: list[bytes] = []
    for i, words in enumerate(utterances):
        before = found[-1] if found else start
        found.append(there.get(i) or identity.following(before, words))
    return found


def _chained(start: bytes, utterances: Sequence[Utterance]) -> list[bytes]:
    return _continued(start, utterances, {})


def _words(turn: Turn) -> Utterance:
    return turn.role, turn.speaker, turn.text


def _heard_words(heard: Heard) -> Utterance:
    return heard.role, heard.speaker, heard.text
