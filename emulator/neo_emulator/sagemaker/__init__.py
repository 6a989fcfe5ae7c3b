"""The SageMaker operations on compilation jobs, their tags, and their notifications."""
