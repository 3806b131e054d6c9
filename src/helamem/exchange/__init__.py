"""Turns in and out: the formats of other programs, and whole memories as lines."""
