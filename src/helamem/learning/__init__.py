"""Turns the memories that served an answer into a lesson."""
