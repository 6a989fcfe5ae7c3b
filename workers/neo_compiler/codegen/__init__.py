"""From kernels to a library for the target: objects, the static plan, linking, checks."""
