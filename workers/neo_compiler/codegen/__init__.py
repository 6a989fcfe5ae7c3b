"""Generates the target's library from kernels: object files, static plan, linking, verification."""
