"""Consumers: their keys and plans, rate limits, quotas, metering and idempotency."""
