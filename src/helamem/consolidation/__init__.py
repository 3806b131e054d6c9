"""Dense places of the graph become facts: clusters, ways to distil them, merging with what is known."""
