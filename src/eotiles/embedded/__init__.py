"""The private PostgreSQL cluster."""
