"""SageMaker's transform jobs with compiled models: their operations and events."""
