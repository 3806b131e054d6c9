"""Import and export: formats of other programs, and whole memories as JSON lines."""
