"""Optional tuning: tiles of the slowest products are timed on this machine, and what wins is kept for later jobs."""
