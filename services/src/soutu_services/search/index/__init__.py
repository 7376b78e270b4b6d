"""The index: vectors searched by cosine, and perceptual hashes by Hamming distance. The only package that imports faiss.

How a library of some size is searched, ``policy`` decides; ``layered`` holds a derived base (``base``: codes that are scanned,
and the vectors in a mapped file) and, exactly, what is new (``flat``).
"""

from soutu_services.search.index.base import Base
from soutu_services.search.index.base_file import BadBase, HalfArray, base_bytes
from soutu_services.search.index.building import BuildStopped, as_halves, build_base
from soutu_services.search.index.flat import FlatIndex
from soutu_services.search.index.layered import LayeredIndex
from soutu_services.search.index.near_hashes import near_hashes
from soutu_services.search.index.policy import IndexPolicy, Method
from soutu_services.search.index.vector_index import IdArray, VectorIndex

__all__ = [
    "BadBase",
    "Base",
    "BuildStopped",
    "FlatIndex",
    "HalfArray",
    "IdArray",
    "IndexPolicy",
    "LayeredIndex",
    "Method",
    "VectorIndex",
    "as_halves",
    "base_bytes",
    "build_base",
    "near_hashes",
]
