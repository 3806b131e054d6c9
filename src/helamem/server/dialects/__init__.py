"""The dialects of other memories' services, spoken over the same file."""
