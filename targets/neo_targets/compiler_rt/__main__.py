"""Rebuilds every object file: `python -m neo_targets.compiler_rt`."""

from neo_targets.compiler_rt import HELPERS, build

for row in HELPERS.values():
    build(row, row.path)
