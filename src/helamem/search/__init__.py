"""Search, step by step: question, region, activation, spreading, selection, context."""
