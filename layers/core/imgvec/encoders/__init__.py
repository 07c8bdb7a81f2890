"""Encoders: the protocol, manifests, verification, ONNX Runtime."""
