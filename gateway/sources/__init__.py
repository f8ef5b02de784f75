"""The adapters: one package per helpdesk product, blind to each other."""
