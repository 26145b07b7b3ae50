"""python late.py <requests to serve before the SDK is started>: prints what `start` said, and the spans after it."""

import json
import sys
import warnings

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from throughline_otel import WsgiInteraction, start

app = WsgiInteraction(lambda environ, start_response: [b""])
for _ in range(int(sys.argv[1])):
    app({}, None)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    provider = TracerProvider()
    warning = start(provider)
app({}, None)
print(
    json.dumps(
        {
            "warning": warning,
            "caught": [(one.category.__name__, str(one.message)) for one in caught],
            "provider": trace.get_tracer_provider() is provider,
            "again": start(provider),
        }
    )
)
