"""Tiles that were timed on this machine."""
