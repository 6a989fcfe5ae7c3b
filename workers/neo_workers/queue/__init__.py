"""Celery: announces jobs to workers, and announces again those whose message was lost."""

QUEUE = "neo-compile"
"""The name of the queue that every worker consumes."""
