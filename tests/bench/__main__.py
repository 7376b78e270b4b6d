"""``make bench [ONLY=NAME]``: run one of the benchmarks, or one after the other.

Each is a folder beside this file with a ``__main__``.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

__all__ = ["main"]


def main(only: str) -> int:
    """Run what was asked for; empty: everything."""
    known = sorted(path.parent.name for path in Path(__file__).parent.glob("*/__main__.py"))
    if only and only not in known:
        sys.stderr.write(f"ONLY= 有 / takes: {', '.join(known)}\n")
        return 2
    sys.argv[1:] = []
    for name in [only] if only else known:
        runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
