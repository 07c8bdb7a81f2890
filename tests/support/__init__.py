"""Helpers of the tests, by what they stand for; nothing outside tests imports them."""
