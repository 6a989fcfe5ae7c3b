"""Quantized models: bytes stay bytes."""
