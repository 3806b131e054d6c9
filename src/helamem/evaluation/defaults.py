"""The defaults of the experiments, in a module that the command line can import quickly."""

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
SPLITS = 5  # splits of the questions into experience and test
PASS_SPLITS = 1  # splits in which the experience is repeated
SIZES = (1_000, 10_000, 100_000)  # turns
WITHIN_S = 600.0  # seconds that another system has at each size
# Of `tenants`: what a small machine builds in minutes.
NAMESPACES, TURNS, LARGE = 500, 100, 20_000
CLIENTS, REQUESTS = 16, 50
