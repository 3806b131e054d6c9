"""`helamem bench`: measurements on published data, beside simpler systems."""
