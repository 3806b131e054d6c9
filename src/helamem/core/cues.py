"""The activation that earlier questions ("cues") lend to a new one.

A cue is a question that was asked before, bound to the memories that served it. Two things can be
read from it. If the need is the same, the memories that served it are recognized, and may take any place.
If the need is related, they are associated, and come after the best direct hits.
Cues compete to be recognized: one that is much more similar to the question than the others wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import check_length, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.core.arrays import Floats, Ints

SAME, MORE, OTHER = 1.0, 0.9, 0.6


def naming_factor(named: Sequence[str], others: Sequence[str]) -> float:
    """The factor on the similarity of two questions for the speakers, or the times, that each names, in order.

    1 if both name the same with the same one first, or both none; 0.9 if one names none, or a subset with
    the same one first; else 0.6.

    >>> naming_factor(["Ana"], ["Ana"]), naming_factor(["Ana"], []), naming_factor(["Ana"], ["Ana", "Ben"])
    (1.0, 0.9, 0.9)
    >>> naming_factor(["Ana", "Ben"], ["Ana", "Cy"]), naming_factor(["Ana", "Ben"], ["Ben", "Ana"])
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


def recognition(similarity: Floats, *, even: float, step: float) -> Floats:
    """The probability of each cue to be the same need, rather than another cue or a new need.

        p_c = exp((s_c - even) / step) / (1 + sum over d of exp((s_d - even) / step))

    Cues that are equally similar to the question share the probability; a single one is
    recognized from afar.

    Args:
        similarity: Shape (c,): each cue's similarity to the question.
        even: The similarity at which a single cue is as likely the same need as a new one.
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
    evidence = (np.asarray(similarity, np.float64) - even) / step
    most = float(evidence.max(initial=0.0))  # taken off all, so that no exponential overflows
    odds = np.exp(evidence - most)
    return np.asarray(odds / (np.exp(-most) + odds.sum()))


def relative_similarity(cosine: Floats, best: float, *, power: float) -> Floats:
    """Each cue's similarity relative to the nearest memory, as a factor in [0, 1].

        min(s / best, 1) ** power

    Embedders differ in how high cosines are; relative to the best one, one setting fits them all.

    Args:
        cosine: Shape (c,).
        best: The highest cosine of the question with any memory.
        power: How fast the factor falls.

    Returns:
        Shape (c,), in [0, 1]; zeros where `best` is not above 0.

    >>> relative_similarity(np.array([0.2, 0.4, 0.6]), 0.4, power=3).tolist()
    [0.125, 1.0, 1.0]
    """
    if not best > 0:
        return np.zeros(len(cosine))
    return np.asarray(np.minimum(cosine / best, 1.0) ** power)


def expected(targets: Ints, amounts: Floats, n: int) -> Floats:
    """The expected activation of each of n memories, where at most one cue is the same need.

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
    """The largest amount lent to each of n memories; 0 without bindings.

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
