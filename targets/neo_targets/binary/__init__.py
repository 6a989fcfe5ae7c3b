"""Headers of ELF and PE files."""
