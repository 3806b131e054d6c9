"""Turns dense places of the graph into facts: clusters, distillers, merging with known facts."""
