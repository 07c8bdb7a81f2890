"""From other frameworks to two ONNX towers, in the layout that immich's exports have on the hub."""
