"""An alias for code that imports from here. New code imports the function from `neo_emulator`."""

from neo_emulator.testing.waiters import compilation_job_completed_or_stopped

__all__ = ["compilation_job_completed_or_stopped"]
