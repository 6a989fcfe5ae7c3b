"""What tests and scripts import: a running emulator, pytest fixtures, a waiter."""
