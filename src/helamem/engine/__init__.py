"""The use cases of a memory: load from the store, compute with pure functions, save.

Store, embedder and clock are passed in; `helamem.memory.Memory` brings the real ones.
"""

from helamem.engine.engine import Engine

__all__ = ["Engine"]
