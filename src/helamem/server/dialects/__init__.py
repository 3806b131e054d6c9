"""The dialects of other memory services, over the same file."""
