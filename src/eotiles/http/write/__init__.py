"""Writing over HTTP: a service of its own."""
