"""TensorFlow and Keras models, by way of TFLite or ONNX."""
