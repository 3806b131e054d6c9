"""How well a probability tells one kind from another, how far it can be believed, and how one is fitted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from helamem.core.arrays import Bools, Floats

BINS = 10
RIDGE = 0.001  # on standardized signs; holds back weights that few questions speak for
STEPS = 50


def auroc(scores: Floats, positive: Bools) -> float:
    """The area under the ROC curve: how often a positive scores above a negative, ties counting half.

    Args:
        scores: Shape (n,).
        positive: Shape (n,); some must be, and some not.

    >>> auroc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    places = np.unique(scores, return_inverse=True)[1]
    counts = np.bincount(places)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


def calibration_error(probabilities: Floats, positive: Bools) -> float:
    """The expected calibration error in ten bins, with positives and negatives weighing half each.

        sum over bins of  share of the weight * |mean probability - share of positives|

    >>> calibration_error(np.array([1.0, 0.0]), np.array([True, False]))
    0.0
    >>> calibration_error(np.array([0.75, 0.75]), np.array([True, False]))
    0.25
    """
    weights = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    surplus = np.bincount(bins, weights * (probabilities - positive), minlength=BINS)
    return float(np.abs(surplus).sum())


def fitted(signs: Floats, positive: Bools, weights: Floats) -> tuple[float, Floats]:
    """The intercept and the weights of a logistic model, by Newton's method.

    Args:
        signs: Shape (n, s).
        positive: Shape (n,).
        weights: Shape (n,): how much each row counts.

    >>> intercept, (weight,) = fitted(np.array([[0.0], [1.0]] * 2), np.array([False, True] * 2), np.ones(4))
    >>> weight > 0 > intercept
    True
    """
    mean, spread = signs.mean(axis=0), signs.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    rows = np.column_stack([(signs - mean) / spread, np.ones(len(signs))])
    share = weights / weights.sum()
    ridge = np.diag([2 * RIDGE] * signs.shape[1] + [1e-9])
    beta = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        told = 1 / (1 + np.exp(-rows @ beta))
        slope = rows.T @ (share * (told - positive)) + ridge @ beta
        curve = (rows * (share * told * (1 - told))[:, np.newaxis]).T @ rows + ridge
        beta = beta - np.linalg.solve(curve, slope)
    own = beta[:-1] / spread
    return float(beta[-1] - own @ mean), own
