"""Measures retrieval, learning and distillation on published data, beside simpler systems.

`datasets` read files, `systems` answer questions, `metrics` score the answers, `runner` puts them
together, `report` prints. `experiments` are the questions that the documentation answers with numbers.
"""
