"""Make ``concepts.npz`` from ``classes.zh.txt``, ``contexts.zh.txt`` and ``sentences.zh.txt``.

They are computed once, not at every start, since that would take seconds, and since the space must be the same on every machine::

    python -m soutu_services.embedding.lite.make_concepts
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from soutu_services.embedding.lite.concepts import compute_concepts
from soutu_services.embedding.lite.sentence_encoder import SentenceEncoder

__all__: list[str] = []


def main() -> None:
    """Write ``concepts.npz`` beside this file."""
    concepts = compute_concepts(SentenceEncoder())
    target = Path(__file__).with_name("concepts.npz")
    np.savez_compressed(
        target,
        classes=concepts.classes.astype(np.float16),
        photo_centre=concepts.photo_centre,
        query_centre=concepts.query_centre,
    )
    sys.stdout.write(f"{target.name}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
