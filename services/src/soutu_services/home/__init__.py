"""The whole house on one machine: object store, services, and their keeper."""
