"""How well memories are found, learned and distilled, measured on published data beside simpler systems.

`datasets` read files, `systems` answer questions, `metrics` score the answers, `runner` puts them
together, `report` prints. `experiments` are the questions that the documentation answers with numbers.
"""

# What is measured unless systems are named. It stands here so that `--help` can show it without loading them.
DEFAULT_SYSTEMS = ("default", "paper", "cosine", "bm25", "hybrid")
