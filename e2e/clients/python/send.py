"""python send.py <http/protobuf | grpc> <endpoint> <run id>

Sends a known set of spans, metrics and log records, and prints one line of JSON about them. Ends with 0 only if the
SDK says that all of it was delivered.
"""

import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import account
import telemetry


def main():
    try:
        protocol, endpoint, run = sys.argv[1:]
        exporters = {"http/protobuf": http_exporters, "grpc": grpc_exporters}[protocol]
    except (KeyError, ValueError):
        sys.exit(__doc__)
    # The SDK logs what it could not deliver: here that is a failure.
    logging.getLogger("opentelemetry").addHandler(account.Troubles(logging.WARNING))
    spans, metrics, logs = exporters(endpoint)
    resource = Resource.create(
        {"service.name": "e2e-client-python", "service.version": "1.0.0-eu-west-1", "run.id": run}
    )

    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(account.witness(spans)))
    telemetry.make_spans(tracer_provider.get_tracer("e2e-client", "1.0.0"), run)
    tracer_provider.shutdown()

    meter_provider = MeterProvider([PeriodicExportingMetricReader(account.witness(metrics))], resource)
    telemetry.make_metrics(meter_provider.get_meter("e2e-client", "1.0.0"), run)
    meter_provider.shutdown()

    logger_provider = LoggerProvider(resource)
    logger_provider.add_log_record_processor(BatchLogRecordProcessor(account.witness(logs)))
    telemetry.make_logs(logger_provider.get_logger("e2e-client", "1.0.0"), run)
    logger_provider.shutdown()

    account.settle(
        {
            "client": f"python {protocol}",
            "spans": [account.describe_span(span) for span in spans.delivered],
            "metrics": [
                metric.name
                for data in metrics.delivered
                for resource_metrics in data.resource_metrics
                for scope_metrics in resource_metrics.scope_metrics
                for metric in scope_metrics.metrics
            ],
            "logs": [record.log_record.body for record in logs.delivered],
        }
    )


def http_exporters(endpoint):
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return (
        OTLPSpanExporter(f"{endpoint}/v1/traces"),
        OTLPMetricExporter(f"{endpoint}/v1/metrics"),
        OTLPLogExporter(f"{endpoint}/v1/logs"),
    )


def grpc_exporters(endpoint):
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint), OTLPMetricExporter(endpoint), OTLPLogExporter(endpoint)


if __name__ == "__main__":
    main()
