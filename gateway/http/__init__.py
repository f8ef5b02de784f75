"""HTTP <-> graph: the endpoint, the explorer, uploads and health."""
