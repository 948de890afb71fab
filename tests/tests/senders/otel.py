"""The OpenTelemetry SDK: records of Python's logging within a span, over HTTP and over gRPC."""
import logging
import sys
import warnings

warnings.simplefilter("ignore")
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as OverGrpc
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as OverHttp
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

http, grpc = sys.argv[1:3]
trace.set_tracer_provider(TracerProvider())
for name, exporter in (
    ("http", OverHttp(endpoint=f"http://{http}/v1/logs", compression=Compression.Gzip)),
    ("grpc", OverGrpc(endpoint=f"http://{grpc}", insecure=True)),
):
    resource = Resource({"service.name": f"cart-{name}", "host.name": "web-7", "container.id": "5e" * 32, "deployment.environment": "test"})
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    log = logging.getLogger(name)
    log.setLevel(logging.DEBUG)
    log.addHandler(LoggingHandler(level=logging.DEBUG, logger_provider=provider))
    with trace.get_tracer("t").start_as_current_span("order") as span:
        for n in range(100):
            log.warning("주문 %d", n, extra={"order.id": n, "express": n % 2 == 0})
        print(name, format(span.get_span_context().trace_id, "032x"))
    try:
        {}["missing"]
    except KeyError:
        log.exception("it failed")
    log.debug("fine")
    assert provider.force_flush()
    provider.shutdown()
