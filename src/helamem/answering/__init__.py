"""A language model on top of a memory: one question, or a conversation."""
