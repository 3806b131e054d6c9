"""`helamem demo`: the whole life of a memory on one conversation."""
