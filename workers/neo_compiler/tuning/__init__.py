"""Tuning: measures tile sizes on this machine and stores the fastest."""
