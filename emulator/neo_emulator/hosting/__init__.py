"""SageMaker's endpoints of compiled models: their operations and InvokeEndpoint."""
