"""Darknet models, by way of ONNX."""
