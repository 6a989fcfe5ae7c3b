"""What one compile may use, and how all of its processes end."""
