"""The web page of soutu, and an HTTP API for the house: a thin client over the SDK."""
