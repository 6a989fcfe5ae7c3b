"""An alias for code that imports from here. New code: `from neo_emulator import Endpoint, JobEnded`."""

from neo_emulator.testing.endpoint import Endpoint, JobEnded

__all__ = ["Endpoint", "JobEnded"]
