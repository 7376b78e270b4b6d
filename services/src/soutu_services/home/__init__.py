"""The whole house on one machine: an S3 server over a plain folder and both services, started, watched and stopped together."""
