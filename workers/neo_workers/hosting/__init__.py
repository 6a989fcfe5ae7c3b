"""Endpoints: their records, the queues of requests to their models, and the processes that run the models."""
