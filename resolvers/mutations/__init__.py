"""The Mutation root: one module per thing that can be written."""
