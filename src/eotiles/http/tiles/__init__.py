"""The lean way of a tile: the URLs and parameters of TiTiler's tile routes, without a framework on the hot path."""
