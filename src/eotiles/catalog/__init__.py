"""What pgSTAC knows: connections, items, bands, radiometry, links."""
