"""The embedded store: one SQLite file, safe with several threads and several processes.

`store` is what others use. It writes through `node_table`, `posting_table`, `edge_table`, `fact_table` and `removing`,
each of which knows some tables; it reads from `cache`, which keeps vectors and columns in RAM, and
from the tables. All of them use `database`, which knows SQLite and nothing about memories.
"""

from helamem.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
