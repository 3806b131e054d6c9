"""Computes the keys of turns, and finds those that are already stored.

Callers add one turn, an exchange, the latest twenty messages, the whole history each time, or a file twice;
only new turns may be stored. The rules and reasons are in
docs/decisions/0015-what-makes-two-turns-the-same.md.
"""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from helamem import identity, records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from helamem.identity import Said
    from helamem.protocols import Heard, Store
    from helamem.records import Turn

RETRY_S = 600.0  # a single turn repeated within this time, with nothing in between, is a retry
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
    seen: Counter[tuple[str, Said, float]] = Counter()
    for i, turn in enumerate(turns):
        if records.KEY in turn.metadata:
            found[i] = identity.item(turn.metadata[records.KEY])
            continue
        if turn.at is None:
            undated.setdefault(turn.session, []).append(i)
            continue
        like = turn.session, _words(turn), turn.at.timestamp()
        found[i] = identity.dated(like[0], like[1], like[2], seen[like])
        seen[like] += 1
    for session, places in undated.items():
        day = session or identity.day(now, zone)
        words = [_words(turns[i]) for i in places]
        found |= zip(places, _undated(words, session, day, store, now), strict=True)
    return [found[i] for i in range(len(turns))]


def _undated(said: list[Said], session: str, kept_as: str, store: Store, now: float) -> list[bytes]:
    """The keys of turns without a time, of one conversation."""
    heard = store.heard(kept_as, last=1 if len(said) == 1 else max(LOOKED_BACK, 2 * len(said)))
    from_start = _chained(identity.start(session), said)
    known = store.known(from_start)
    if len(said) == 1:
        there = _retried(said[0], heard, now)
    else:
        there = _there(said, from_start[: _n_first(from_start, known)], heard)
    if not heard:
        start = identity.start(kept_as if from_start[0] in known else session)
    elif not session and len(said) > 1 and from_start[0] not in known:
        start = identity.start(session)  # so that the turn is found again on another day
    else:
        start = heard[-1].key
    return _continued(start, said, there)


def _n_first(chain: Sequence[bytes], known: dict[bytes, int]) -> int:
    """The number of leading keys that are known."""
    return next((i for i, key in enumerate(chain) if key not in known), len(chain))


def _retried(words: Said, heard: Sequence[Heard], now: float) -> dict[int, bytes]:
    last = heard[-1] if heard else None
    if last is None or _heard_words(last) != words or now - last.at > RETRY_S:
        return {}
    return {0: last.key}


def _there(
    said: Sequence[Said], prefix: Sequence[bytes], heard: Sequence[Heard]
) -> dict[int, bytes]:
    """The keys of the turns that are already stored, by their places.

    Where turns were corrected, the conversation is known as it was said, and as it reads since.
    """
    first = [each for each in heard if not each.is_instead]
    now = [each for each in heard if not each.is_superseded]
    found = _matched(said, prefix, first)
    return found if first == now else found | _matched(said, prefix, now)


def _matched(
    said: Sequence[Said], prefix: Sequence[bytes], heard: Sequence[Heard]
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
    rest = said[len(prefix) :]
    same = SequenceMatcher(None, [_heard_words(each) for each in heard], rest, autojunk=False)
    for a, b, size in same.get_matching_blocks():
        takes_up = b == 0 and not prefix and a + size == len(heard)
        if size >= 2 or (size == 1 and takes_up):
            there |= {len(prefix) + b + i: heard[a + i].key for i in range(size)}
    return there


def _continued(start: bytes, said: Sequence[Said], there: dict[int, bytes]) -> list[bytes]:
    """The known keys, with new ones between them, each following the key before."""
    found: list[bytes] = []
    for i, words in enumerate(said):
        before = found[-1] if found else start
        found.append(there.get(i) or identity.following(before, words))
    return found


def _chained(start: bytes, said: Sequence[Said]) -> list[bytes]:
    return _continued(start, said, {})


def _words(turn: Turn) -> Said:
    return turn.role, turn.speaker, turn.text


def _heard_words(heard: Heard) -> Said:
    return heard.role, heard.speaker, heard.text
