"""What is in an artifact: files, metadata, weights, the static plan."""
