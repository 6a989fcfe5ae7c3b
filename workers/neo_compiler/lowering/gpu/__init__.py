"""GPUs: products use tiles in shared memory and registers, other kernels TVM's rules (DLight)."""
