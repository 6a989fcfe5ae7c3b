"""From relax to scheduled kernels: the highest level that compiles."""
