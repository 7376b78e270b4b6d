"""Services of soutu: embedding, search, and the home that runs them together."""
