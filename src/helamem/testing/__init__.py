"""Tools for testing memories and custom stores; they need nothing beyond helamem.

A store is right when a subclass of `StoreContract` passes under pytest:

    class TestMyStore(StoreContract):
        def make_store(self, namespace):
            return MyStore(namespace=namespace, dimension=self.dimension)

`CorrectingContract` is for stores that keep corrections, too, and `JournalContract` for those that undo lessons.
Where several handles on the same memory may be open at once, `SharedStoreContract` says what that means.
`ScriptedLLM` stands in for a language model, and `FixedClock` for the time.
"""

from helamem.models.scripted import ScriptedLLM
from helamem.testing.clocks import FixedClock
from helamem.testing.contract import SharedStoreContract, StoreContract
from helamem.testing.journal import JournalContract
from helamem.testing.superseding import CorrectingContract

__all__ = [
    "CorrectingContract",
    "FixedClock",
    "JournalContract",
    "ScriptedLLM",
    "SharedStoreContract",
    "StoreContract",
]
