"""GPUs: products as tiles in shared memory and registers, the rest by TVM's own rules (DLight)."""
