"""Uploaded files: their upload, status, bytes and end."""
