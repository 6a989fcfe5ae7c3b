"""The compiler as a library: compiles a model archive to an artifact. Independent of Redis, Celery, moto and jobs."""
