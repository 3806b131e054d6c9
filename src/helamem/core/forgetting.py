"""Adaptive forgetting: an episode may go only if it is weak, and old, and has not been used lately."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from helamem.core.arrays import Bools, Floats, Ints, check_length


class Verdict(IntEnum):
    """What becomes of an episode: it may go, or the first rule that keeps it."""

    FORGET = 0
    STRONG = 1
    YOUNG = 2
    USED = 3
    MARKED = 4


def verdicts(
    strength: Floats,
    age_s: Floats,
    idle_s: Floats,
    uses: Ints,
    *,
    max_strength: float,
    min_age_s: float,
    min_idle_s: float,
) -> Ints:
    """The verdict on each episode: it may go, or the rule that keeps it (equation 6).

        FORGET   where D <= max_strength and age >= min_age and (uses = 0 or idle >= min_idle)
        STRONG   else where D > max_strength
        YOUNG    else where age < min_age
        USED     else

    With an infinite `min_idle_s`, whatever has been used even once stays. (The paper has D < delta_prune
    and age > delta_age, which differ only where they are equal.)

    Args:
        strength: Shape (n,): the sum of the episode's edge weights, as they are now.
        age_s: Shape (n,).
        idle_s: Shape (n,): the time since the episode was last used; anything if it never was.
        uses: Shape (n,): how often it was used.
        max_strength: The greatest strength of an episode that may go.
        min_age_s: The least age of an episode that may go.
        min_idle_s: The least time without use of an episode that may go.

    Returns:
        Shape (n,), the values of `Verdict`.

    Raises:
        ValueError: The lengths differ.

    >>> columns = np.array([0.0, 9.0, 0.0, 0.0]), np.array([50, 50, 1, 50]), np.array([0, 0, 0, 5]), np.array([0, 0, 0, 1])
    >>> codes = verdicts(*columns, max_strength=0.1, min_age_s=30.0, min_idle_s=30.0)
    >>> [Verdict(code).name for code in codes]
    ['FORGET', 'STRONG', 'YOUNG', 'USED']
    """
    for name, column in (("age_s", age_s), ("idle_s", idle_s), ("uses", uses)):
        check_length(name, column, len(strength))
    rules = [strength > max_strength, age_s < min_age_s, (uses > 0) & (idle_s < min_idle_s)]
    return np.select(rules, [Verdict.STRONG, Verdict.YOUNG, Verdict.USED], Verdict.FORGET)


def marked(codes: Ints, keep: Bools, groups: Ints) -> Ints:
    """Adjust verdicts: marked episodes stay, and a group is forgotten as a whole or not at all.

    Args:
        codes: Shape (n,), values of `Verdict`.
        keep: Shape (n,): whether an episode stays in any case.
        groups: Shape (n,): the number of its group, 0 or more; -1 for none.

    Returns:
        Shape (n,): `Verdict.MARKED` where an episode stays for one of these reasons alone.

    Raises:
        ValueError: The lengths differ.

    >>> verdicts = marked(np.array([0, 0, 0, 1]), np.array([True, False, False, False]), np.array([-1, -1, 7, 7]))
    >>> [Verdict(code).name for code in verdicts]
    ['MARKED', 'FORGET', 'MARKED', 'STRONG']
    """
    for name, column in (("keep", keep), ("groups", groups)):
        check_length(name, column, len(codes))
    goes = codes == Verdict.FORGET
    staying = groups[(~goes | keep) & (groups >= 0)]
    return np.where(goes & (keep | np.isin(groups, staying)), Verdict.MARKED, codes)


def weakest(may_go: Bools, strength: Floats, since: Floats, groups: Ints, *, most: int) -> Bools:
    """Choose at most `most` of the episodes that may go, the weakest first.

    The weakest first, of these the oldest, of these the first; a group counts by its strongest and its
    newest member, and is left out where it is too large for what room is left.

    Args:
        may_go: Shape (n,).
        strength: Shape (n,).
        since: Shape (n,): when each began.
        groups: Shape (n,): the number of its group, 0 or more; -1 for none.
        most: How many go at most.

    Returns:
        Shape (n,).

    Raises:
        ValueError: The lengths differ.

    >>> weakest(np.array([True, True, False]), np.array([0.1, 0.0, 0.0]), np.zeros(3), np.full(3, -1), most=1)
    array([False,  True, False])
    """
    for name, column in (("strength", strength), ("since", since), ("groups", groups)):
        check_length(name, column, len(may_go))
    units: dict[tuple[bool, int], list[int]] = {}
    for i in np.flatnonzero(may_go).tolist():
        alone = bool(groups[i] < 0)
        units.setdefault((alone, i if alone else int(groups[i])), []).append(i)
    going = np.zeros(len(may_go), np.bool_)
    room = most
    for rows in sorted(
        units.values(), key=lambda rows: (strength[rows].max(), since[rows].max(), rows[0])
    ):
        if len(rows) <= room:
            going[rows] = True
            room -= len(rows)
    return going
