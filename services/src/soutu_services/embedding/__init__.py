"""Embedding service: texts and images in, vectors out. It keeps no state."""
