"""From single terms to a ranking: recency, base activation, and the two paths of selection."""

from __future__ import annotations

import numpy as np

from helamem.core.arrays import Bools, Floats, Ints, check_length
from helamem.core.vectors import top_k


def recency(age_s: Floats, tau_s: float) -> Floats:
    """What age leaves of an activation (part of equation 3).

        exp(-max(age, 0) / tau)

    Args:
        age_s: Shape (n,): the time from each node to the question; what lies ahead counts as new.
        tau_s: The age at which 1/e is left; infinite for no decay.

    Returns:
        Shape (n,), in [0, 1].

    Raises:
        ValueError: tau is not above 0.

    >>> recency(np.array([-5.0, 0.0, 60.0, 120.0]), 60.0).round(3).tolist()
    [1.0, 1.0, 0.368, 0.135]
    """
    if not tau_s > 0:
        raise ValueError(f"tau is {tau_s}, but it must be above 0")
    return np.asarray(np.exp(-np.maximum(age_s, 0.0) / tau_s))


def dual_path(
    direct_scores: Floats, total_scores: Floats, *, k: int, m: int, eligible: Bools
) -> tuple[Ints, Ints]:
    """What is returned: the best by themselves, and a few more that the graph brought (equation 5).

        R = Top-k(direct)  U  Top-m(total | eligible and not in Top-k)

    Args:
        direct_scores: Shape (n,).
        total_scores: Shape (n,).
        k: How many come in by the direct path.
        m: How many more come in by the associative path, at most.
        eligible: Shape (n,): which nodes may come in by the associative path.

    Returns:
        The direct and the associative indices, disjoint, each best first.

    Raises:
        ValueError: The lengths differ, k or m is negative, or a score is not a number.

    >>> base, total = np.array([0.9, 0.8, 0.1, 0.2]), np.array([0.9, 0.8, 0.7, 0.2])
    >>> direct, associative = dual_path(base, total, k=2, m=1, eligible=np.ones(4, dtype=bool))
    >>> direct.tolist(), associative.tolist()
    ([0, 1], [2])
    """
    check_length("total_scores", total_scores, len(direct_scores))
    check_length("eligible", eligible, len(direct_scores))
    direct = top_k(direct_scores, k)
    open_to_more = eligible.copy()
    open_to_more[direct] = False
    others = np.flatnonzero(open_to_more)
    return direct, others[top_k(total_scores[others], m)]
