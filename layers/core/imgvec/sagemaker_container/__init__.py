"""The serving container: what encodes behind a SageMaker endpoint."""
