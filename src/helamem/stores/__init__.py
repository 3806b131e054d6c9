"""Where memories are kept; every store passes `helamem.testing.StoreContract`."""
