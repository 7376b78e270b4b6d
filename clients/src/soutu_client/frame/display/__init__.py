"""The screen: the only importer of pygame."""
