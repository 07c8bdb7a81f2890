"""Stores behind protocols; nothing above this package imports a database or a cloud library."""
