"""The store on a server: one PostgreSQL database with pgvector, for any number of processes and namespaces.

`store` is what others use, with `looks`, its half that reads. Each method is a function on a `Scope` (an open transaction, see
`database`), which knows some tables: `node_table`, `posting_table`, `edge_table`, `fact_table`, `removing`
write, and `superseding` and `learning` with them; `reading` and `regions` read. `pools` and `schema` know PostgreSQL and nothing about memories.
"""

from helamem.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
