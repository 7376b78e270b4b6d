"""The command line ``soutu``: the extra ``cli`` of the distribution."""
