"""Passes over relax modules, a file each; for every target."""
