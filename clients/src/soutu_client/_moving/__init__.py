"""Moving in: the layouts in which other programs leave photos, and what they know of them."""
