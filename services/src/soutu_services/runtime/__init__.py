"""What both services share: errors, languages, the gRPC server, metrics, logs."""

import os

# gRPC reads these once, when it is first imported. Left alone it writes each handshake that a stranger fails between the lines of
# the log, in a form of its own.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

# By itself gRPC asks DNS servers alone: names in .local, which the system finds by mDNS, would be unknown to it.
os.environ.setdefault("GRPC_DNS_RESOLVER", "native")
