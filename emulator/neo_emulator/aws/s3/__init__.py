"""Which bucket and key a request names, and what a bucket leaves open to everybody."""
