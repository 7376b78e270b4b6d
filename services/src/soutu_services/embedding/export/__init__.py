"""``soutu-embedding export``: from a Chinese-CLIP checkpoint to a folder that ONNX Runtime alone can run."""
