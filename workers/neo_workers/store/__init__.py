"""The truth about every job, in Redis."""
