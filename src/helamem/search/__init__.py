"""A question's way through the memory: question, region, activation, spreading, selection, context."""
