"""Products of agencies, from their folders to items."""
