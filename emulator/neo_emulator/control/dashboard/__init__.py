"""The dashboard at /_neo/, as HTML and JSON: jobs with their phases and logs, targets, and health."""
