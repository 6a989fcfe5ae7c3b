"""Resource limits of one compilation, and its process tree."""
