"""Embedders and language models, with counting, caching and checking of replies."""
