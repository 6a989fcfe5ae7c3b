"""HTTP/1.1: bytes to requests, responses to bytes, TLS."""
