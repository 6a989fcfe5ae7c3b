"""One row per TargetDevice. A new device is a row in one of these files."""
