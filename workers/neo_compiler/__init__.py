"""The compiler as a library: a model's archive in, an artifact out. It knows no Redis, Celery, moto or job store."""
