"""Facts about Neo's targets: pure data and small pure functions. Does not import tvm."""
