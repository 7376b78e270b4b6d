"""The independent process: writes down each acknowledgement, flushed, and compares them with everything that should agree.

It uses nothing of soutu but the protos: the S3 server is read by the MinIO client, the catalog by SQLite, read-only, pictures
are decoded by Pillow, and the service is asked over gRPC like by anybody. Lines on standard input are log lines, each answered
by an empty one once it is on the disk; ``audit {...}`` asks for the result.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from torture.audit import Place, audit
from torture.ledger import read_log


def main() -> None:
    log_path = Path(sys.argv[1])
    with log_path.open("a", encoding="utf-8") as log:
        for line in sys.stdin:
            if line.startswith("audit "):
                with log_path.open(encoding="utf-8") as lines:
                    answer = json.dumps(audit(read_log(lines), Place(**json.loads(line.removeprefix("audit ")))))
            else:
                log.write(line)
                log.flush()
                os.fsync(log.fileno())
                answer = ""
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
