"""What is known about Neo's targets: pure data and small pure functions. Imports no tvm."""
