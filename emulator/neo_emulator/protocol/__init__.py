"""AWS's wire formats: JSON 1.1 by botocore's service model, constraints, errors, and the caller's identity."""
