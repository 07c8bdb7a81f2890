"""The encoder behind a SageMaker endpoint: its client, and the format of an invocation."""
