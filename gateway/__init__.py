"""A GraphQL gateway over five helpdesk REST APIs."""

__version__ = "0.1.0"
