"""Which bucket and key a request addresses, and what a bucket makes public."""
