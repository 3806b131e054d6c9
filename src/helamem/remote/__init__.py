"""A memory that is on a service: what is asked of it, and what its answers mean. No I/O."""
