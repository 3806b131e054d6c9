"""The service: a file of memories over HTTP, for many namespaces at once. Needs the extra [server]."""
