"""The one endpoint: an ordered list of handlers, and what is decided before any of them answers."""
