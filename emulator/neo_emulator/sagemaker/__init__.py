"""The SageMaker operations that are ours, and what hangs together with a compilation job."""
