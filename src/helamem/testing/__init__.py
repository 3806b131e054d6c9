"""Tools for testing memories and custom stores; they need nothing beyond helamem.

A store is right when a subclass of `StoreContract` passes under pytest:

    class TestMyStore(StoreContract):
        def make_store(self, namespace):
            return MyStore(namespace=namespace, dimension=self.dimension)

Where several handles on the same memory may be open at once, `SharedStoreContract` says what that means, and
`WithoutJournalContract` what a store does that can be told to keep no journal.
An index of vectors is right when a subclass of `VectorIndexContract` passes.
`ScriptedLLM` stands in for a language model, and `FixedClock` for the time.
"""

from helamem.models.scripted import ScriptedLLM
from helamem.testing.clocks import FixedClock
from helamem.testing.contract import SharedStoreContract, StoreContract
from helamem.testing.journal import WithoutJournalContract
from helamem.testing.vectors import VectorIndexContract

__all__ = [
    "FixedClock",
    "ScriptedLLM",
    "SharedStoreContract",
    "StoreContract",
    "VectorIndexContract",
    "WithoutJournalContract",
]
