"""Learning on edges: what is active together grows together, and all weights fade with time.

Let w be a stored weight, and d its value now. Then a lesson makes of it
`strengthened(decayed(w, age), gain)`.
"""

from __future__ import annotations

import numpy as np

from helamem.core.arrays import Floats, Ints, check_indices


def coactivated_pairs(nodes: Ints) -> Ints:
    """The unordered pairs of the nodes that were active together, each once (part of equation 1).

        {(i, j) : i, j in K, i < j}

    Args:
        nodes: Shape (n,), in any order; a node named twice counts once.

    Returns:
        Shape (n * (n - 1) / 2, 2), in ascending order.

    >>> coactivated_pairs(np.array([7, 3, 5])).tolist()
    [[3, 5], [3, 7], [5, 7]]
    """
    distinct = np.unique(nodes)
    first, second = np.triu_indices(len(distinct), 1)
    return np.stack([distinct[first], distinct[second]], axis=1)


def gains(activation: Floats, pairs: Ints, *, rate: float) -> Floats:
    """How much each pair is strengthened: Hebb's rule.

        g_ij = rate * a_i * a_j

    With all activations 1 this is the paper's constant eta (in equation 1).

    Args:
        activation: Shape (n,).
        pairs: Shape (p, 2), indices into `activation`.
        rate: The gain of two nodes of activation 1.

    Returns:
        Shape (p,).

    Raises:
        ValueError: A pair names a node that is not there.

    >>> gains(np.array([1.0, 0.5, 0.2]), np.array([[0, 1], [1, 2]]), rate=0.5).tolist()
    [0.25, 0.05]
    """
    check_indices("pairs", pairs.ravel(), len(activation))
    return np.asarray(rate * activation[pairs[:, 0]] * activation[pairs[:, 1]])


def decayed(weights: Floats, age: Floats, *, tau: float, floor: float) -> Floats:
    """What time has left of the weights; a weight that has fallen below the floor is gone.

        d = w * exp(-max(age, 0) / tau),   0 where d < floor

    Args:
        weights: Shape (e,).
        age: Shape (e,): the time since each weight was last touched, in the units of tau.
        tau: The age at which 1/e is left; infinite for no decay.
        floor: The least weight that still counts.

    Returns:
        Shape (e,).

    Raises:
        ValueError: tau is not above 0.

    >>> decayed(np.array([0.5, 0.5, 0.02]), np.array([0.0, 10.0, 10.0]), tau=10.0, floor=0.01).round(3).tolist()
    [0.5, 0.184, 0.0]
    """
    if not tau > 0:
        raise ValueError(f"tau is {tau}, but it must be above 0")
    left = weights * np.exp(-np.maximum(age, 0.0) / tau)
    return np.where(left < floor, 0.0, left)


def strengthened(decayed: Floats, gain: Floats, *, saturation: float, ceiling: float) -> Floats:
    """The weights after a lesson (equation 1, with saturation 0 and a ceiling of 1).

        w = min(ceiling, d + g * (1 - saturation * d))

    Args:
        decayed: Shape (e,): the weights now; 0 for an edge that was not there.
        gain: Shape (e,).
        saturation: 1 for a gain that shrinks as the weight grows, 0 for one that does not.
        ceiling: The highest weight.

    Returns:
        Shape (e,).

    >>> strengthened(np.array([0.0, 0.5]), np.array([0.2, 0.2]), saturation=1.0, ceiling=1.0).tolist()
    [0.2, 0.6]
    >>> strengthened(np.array([0.5, 0.9]), np.array([0.2, 0.2]), saturation=0.0, ceiling=1.0).tolist()
    [0.7, 1.0]
    """
    return np.asarray(np.minimum(ceiling, decayed + gain * (1 - saturation * decayed)))
