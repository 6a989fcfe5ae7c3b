"""Runs an artifact on this machine."""
