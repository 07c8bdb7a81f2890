"""Uploaded files: upload, status, download and deletion."""
