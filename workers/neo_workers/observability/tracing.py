"""OpenTelemetry traces of Celery messages, from the API that sends one to the worker that runs it. Extra: `otel`.

OpenTelemetry's own variables configure the exporter: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, ...
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def start(service: str) -> None:
    """Instruments Celery in this process, with service name neo-emulator-`service` unless OTEL_SERVICE_NAME is set.

    Without the extra only a warning is logged.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.celery import CeleryInstrumentor
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        log.warning("tracing is off: %s; install neo-emulator[otel]", error)
        return
    named = Resource({"service.name": f"neo-emulator-{service}"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()
