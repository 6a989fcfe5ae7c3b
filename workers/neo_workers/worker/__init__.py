"""A worker process: takes a job, supervises its compile, reports the end."""
