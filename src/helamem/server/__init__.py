"""The service: REST over a file of memories, for many namespaces at once. The extra [server]."""
