"""What earlier questions lend to a new one: how alike two questions are, and what that is worth.

A cue is a question that was asked before, bound to the memories that served it. Two things can be
read from it. Where it is the same need again, what served it is recognized, and may take any place.
Where it is a related need, what served it is associated: worth a look after the best by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import check_length

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

OTHER_SPEAKER, NO_SPEAKER = 0.6, 0.9


def likeness(cosines: Floats, speakers: Ints, speaker: int) -> Floats:
    """How much each cue is the same question as a new one.

        max(cos, 0) * f,   f = 1 if both name the same speaker, 0.9 if one names nobody, else 0.6

    Args:
        cosines: Shape (c,): of the cues with the question, both without speakers' names.
        speakers: Shape (c,): the speaker whom each cue names; -1 for nobody.
        speaker: The speaker whom the question names; -1 for nobody.

    Returns:
        Shape (c,), in [0, 1].

    Raises:
        ValueError: The lengths differ.

    >>> likeness(np.array([0.5, 0.5, 0.5, -0.5]), np.array([3, -1, 4, 3]), 3).tolist()
    [0.5, 0.45, 0.3, 0.0]
    """
    check_length("speakers", speakers, len(cosines))
    nobody = (speakers < 0) != (speaker < 0)
    factor = np.where(speakers == speaker, 1.0, np.where(nobody, NO_SPEAKER, OTHER_SPEAKER))
    return np.asarray(np.maximum(np.asarray(cosines, np.float64), 0.0) * factor)


def recognition(likeness: Floats, *, doubtful: float, certain: float) -> Floats:
    """How surely each cue is the same need again: 0 up to one likeness, 1 from another on.

        clip((s - doubtful) / (certain - doubtful), 0, 1)

    Args:
        likeness: Shape (c,).
        doubtful: The likeness up to which nothing is recognized.
        certain: The likeness from which on all is.

    Returns:
        Shape (c,), in [0, 1].

    Raises:
        ValueError: `certain` is not above `doubtful`.

    >>> recognition(np.array([0.6, 0.75, 0.95]), doubtful=0.7, certain=0.9).round(3).tolist()
    [0.0, 0.25, 1.0]
    """
    if not certain > doubtful:
        raise ValueError(f"certain is {certain}, but it must be above doubtful, {doubtful}")
    return np.asarray(np.clip((likeness - doubtful) / (certain - doubtful), 0.0, 1.0))


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
