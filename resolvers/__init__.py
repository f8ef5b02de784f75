"""The graph: types, queries, mutations and the batch functions under them."""
