"""What both services share: errors, languages, the gRPC server, metrics, logs."""

import os

# gRPC reads this once, when it is first imported. Left alone it writes each handshake that a stranger fails between the lines of
# the log, in a form of its own.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
