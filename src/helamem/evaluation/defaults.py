"""What is measured unless told otherwise; by itself, so that the command line can tell it at no cost."""

from __future__ import annotations

SYSTEMS = ("default", "paper", "cosine", "bm25", "hybrid")
SUITE = ("default", "bm25", "cosine", "hybrid")
ALL_SYSTEMS = (
    "default",
    "paper",
    "paper-undecayed",
    "cosine",
    "bm25",
    "hybrid",
    "recency",
    "full-text",
)
SPLITS = 5  # of the questions, in experience and test
PASS_SPLITS = 1  # of these, the ones in which the experience is gone through again and again
SIZES = (1_000, 10_000, 100_000)  # turns
