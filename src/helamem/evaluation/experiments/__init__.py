"""Questions that the documentation answers with numbers: each module has one function `run`."""
