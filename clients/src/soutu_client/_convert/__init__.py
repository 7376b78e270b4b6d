"""The SDK's values to protobuf messages and back: the only place that knows message types."""
