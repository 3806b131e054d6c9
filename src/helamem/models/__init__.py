"""Embedders and language models, and what counts or checks what they say."""
