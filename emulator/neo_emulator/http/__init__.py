"""The HTTP server: a thread per connection over httptools' parser (llhttp, strict). It knows nothing of AWS."""
