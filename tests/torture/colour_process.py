"""The embedding service of the torture run, as a process: two small models, so that a re-index has somewhere to go."""

from __future__ import annotations

import signal
import sys
import threading

from colour_encoder import ColourEncoder, ColourServer


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = ColourServer(ColourEncoder(), ColourEncoder("colours-2", dimension=6), listen=sys.argv[1])
    sys.stderr.write(f"ready on {sys.argv[1]}\n")
    sys.stderr.flush()
    stop.wait()
    server.stop()


if __name__ == "__main__":
    main()
