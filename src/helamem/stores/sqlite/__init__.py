"""The embedded store: one SQLite file, safe with several threads and several processes.

`store` is what others use: its methods are in `reading` and `writing`. They use `regions`, `node_table`, `posting_table`,
`edge_table`, `fact_table` and `removing`, each of which knows some tables, and `cache`, which keeps vectors and columns in RAM.
`files` opens a file once for all handles on it. `database` is one connection; it knows SQLite and nothing about memories.
"""

from helamem.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
