"""The files of an artifact: metadata, weights, archive."""
