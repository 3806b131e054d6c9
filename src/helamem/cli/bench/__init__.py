"""`helamem bench`: how well the memory does on published data, beside simpler systems."""
