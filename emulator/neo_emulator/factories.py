"""The public address of neo_emulator.testing.fixtures: functions that make pytest fixtures."""

from neo_emulator.testing.fixtures import bucket, clean, client, server, server_noproc, wait

__all__ = ["bucket", "clean", "client", "server", "server_noproc", "wait"]
