"""Celery: messages that say there is work, and how lost ones come back."""
