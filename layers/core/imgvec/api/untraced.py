"""Switches FastAPI's OpenTelemetry instrumentation off.

By default it sends the query of each request and the message of each exception to any tracer in the
process (AWS's layer has one), and a query may hold keys and images. The request log replaces it.
"""

from typing import Final

from fastapi.telemetry import TelemetryConfig

UNTRACED: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
