"""The stores of memories; each passes `helamem.testing.StoreContract`."""
