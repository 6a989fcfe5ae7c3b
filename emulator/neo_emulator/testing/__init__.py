"""For tests and scripts: a running emulator, pytest fixtures, a waiter."""
