"""Logging and tracing for all processes."""
