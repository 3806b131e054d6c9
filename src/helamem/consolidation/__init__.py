"""Turns clusters of the graph into facts: clusters, distillers, merging with known facts."""
