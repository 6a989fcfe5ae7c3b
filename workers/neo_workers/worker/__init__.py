"""A worker process: claims jobs, supervises their compilation, and writes the result."""
