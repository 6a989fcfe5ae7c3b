"""The endpoint: the ordered list of handlers, authentication, CORS, and requests that no service can answer."""
