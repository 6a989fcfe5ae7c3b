"""The compile pipeline for CPUs: `pipeline.lower` is the way in, `schedules.SCHEDULES` the table of schedules."""
