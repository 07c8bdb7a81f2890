"""What FastAPI is told of OpenTelemetry: nothing of a request goes there.

By itself it gives each request's query and each fault's message to whatever tracer the process has
(AWS's layer brings one), and keys and images may stand in a query. What imgvec tells of a request
is its record.
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
