"""``soutu-certificates``: the home's own certificate authority, and a certificate for each of its machines."""
