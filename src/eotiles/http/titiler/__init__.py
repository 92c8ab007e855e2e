"""TiTiler's factories with our dependency and reader classes."""
