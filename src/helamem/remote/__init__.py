"""The client side of the service without I/O: building requests, reading answers."""
