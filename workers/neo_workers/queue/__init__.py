"""Celery: announces jobs to workers, and announces again those whose message was lost."""
