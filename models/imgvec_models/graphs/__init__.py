"""Reading, cutting, composing and fusing ONNX graphs."""
