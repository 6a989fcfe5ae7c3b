"""The web page at /_neo/, and the same as JSON: jobs with their phases and logs, the targets, the emulator's health."""
