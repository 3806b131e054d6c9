"""What earlier questions lend to a new one: how alike two questions are, and what that is worth.

A cue is a question that was asked before, bound to the memories that served it. Two things can be
read from it. Where it is the same need again, what served it is recognized, and may take any place.
Where it is a related need, what served it is associated: worth a look after the best by themselves.
Cues compete to be recognized: one that is much more like the question than the others stands out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import check_length, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.core.arrays import Floats, Ints

SAME, MORE, OTHER = 1.0, 0.9, 0.6


def agreement(named: Sequence[str], others: Sequence[str]) -> float:
    """How far two questions are about the same people, given whom each names, the first named first.

    1 if they name the same, and the same one first, or both nobody; 0.9 if one of them names nobody, or only
    some of those whom the other names, the same one first; else 0.6.

    >>> agreement(["Ana"], ["Ana"]), agreement(["Ana"], []), agreement(["Ana"], ["Ana", "Ben"])
    (1.0, 0.9, 0.9)
    >>> agreement(["Ana", "Ben"], ["Ana", "Cy"]), agreement(["Ana", "Ben"], ["Ben", "Ana"])
    (0.6, 0.6)
    """
    if not named or not others:
        return MORE if named or others else SAME
    if named[0] != others[0]:
        return OTHER
    fewer, more = sorted((set(named), set(others)), key=len)
    if fewer == more:
        return SAME
    return MORE if fewer < more else OTHER


def recognition(sameness: Floats, *, even: float, step: float) -> Floats:
    """How probable it is that each cue is the same need again, rather than another one or none of them.

        p_c = exp((s_c - even) / step) / (1 + sum over d of exp((s_d - even) / step))

    Several cues that are like the question to the same degree leave each other little; a single one is
    recognized from afar.

    Args:
        sameness: Shape (c,): how much each cue is the same question.
        even: The sameness at which a single cue is as likely the same need as a new one.
        step: How much more of it makes a cue e times as likely.

    Returns:
        Shape (c,), in [0, 1]; they add up to less than 1.

    Raises:
        ValueError: `step` is not above 0.

    >>> recognition(np.array([0.4, 0.4]), even=0.4, step=0.05).round(3).tolist()
    [0.333, 0.333]
    >>> recognition(np.array([0.4, 0.6]), even=0.4, step=0.05).round(3).tolist()
    [0.018, 0.965]
    """
    if not step > 0:
        raise ValueError(f"step is {step}, but it must be above 0")
    evidence = (np.asarray(sameness, np.float64) - even) / step
    most = float(evidence.max(initial=0.0))  # taken off all, so that no exponential overflows
    odds = np.exp(evidence - most)
    return np.asarray(odds / (np.exp(-most) + odds.sum()))


def relatedness(likeness: Floats, best: float, *, power: float) -> Floats:
    """How related each cue is, where 1 is as near to the question as the nearest memory.

        min(s / best, 1) ** power

    Embedders differ in how high cosines are; relative to the best one, one setting fits them all.

    Args:
        likeness: Shape (c,).
        best: The highest cosine of the question with any memory.
        power: How fast relatedness falls.

    Returns:
        Shape (c,), in [0, 1]; zeros where `best` is not above 0.

    >>> relatedness(np.array([0.2, 0.4, 0.6]), 0.4, power=3).tolist()
    [0.125, 1.0, 1.0]
    """
    if not best > 0:
        return np.zeros(len(likeness))
    return np.asarray(np.minimum(likeness / best, 1.0) ** power)


def expected(targets: Ints, amounts: Floats, n: int) -> Floats:
    """What is lent to each of n memories by alternatives, of which at most one is true.

        sum over the bindings (c, i) of  amount_ci

    Args:
        targets: Shape (b,): the memory at the end of each binding.
        amounts: Shape (b,): the probability of each cue times what it would lend if it were the one.
        n: How many memories there are.

    Returns:
        Shape (n,).

    Raises:
        ValueError: The lengths differ.

    >>> expected(np.array([2, 0, 2]), np.array([0.1, 0.2, 0.3]), 3).tolist()
    [0.2, 0.0, 0.4]
    """
    check_length("amounts", amounts, len(targets))
    return sums(targets, amounts, n)


def strongest(targets: Ints, amounts: Floats, n: int) -> Floats:
    """The largest amount that is lent to each of n memories; 0 where nothing is.

        max over the bindings (c, i) of  amount_ci

    Many cues that agree do not add up: asking the same thing often is not evidence.

    Args:
        targets: Shape (b,): the memory at the end of each binding.
        amounts: Shape (b,), not negative.
        n: How many memories there are.

    Returns:
        Shape (n,).

    Raises:
        ValueError: The lengths differ.

    >>> strongest(np.array([2, 0, 2]), np.array([0.1, 0.2, 0.3]), 3).tolist()
    [0.2, 0.0, 0.3]
    """
    check_length("amounts", amounts, len(targets))
    best = np.zeros(n)
    np.maximum.at(best, targets, amounts)
    return best
