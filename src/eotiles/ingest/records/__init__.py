"""Items that somebody else made, from files and other catalogues into this one."""
