"""Endpoints: what they are, how requests reach a model, and the processes that run it."""
