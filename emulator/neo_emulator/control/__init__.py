"""/_neo/...: health, reset, test controls, metrics, the dashboard."""
