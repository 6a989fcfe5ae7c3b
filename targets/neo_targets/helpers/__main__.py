"""Builds every object anew: `python -m neo_targets.helpers`."""

from neo_targets.helpers import HELPERS, build

for row in HELPERS.values():
    build(row, row.path)
