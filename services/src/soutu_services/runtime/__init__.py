"""What both services share: errors, languages, the gRPC server, metrics, logs."""
