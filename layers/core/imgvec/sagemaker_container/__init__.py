"""The serving container, which encodes behind a SageMaker endpoint."""
