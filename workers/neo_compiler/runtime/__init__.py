"""Runs artifacts on this machine."""
