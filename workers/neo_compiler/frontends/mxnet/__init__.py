"""MXNet models, by way of ONNX."""
