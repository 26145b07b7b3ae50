"""What is sent: every kind of attribute, text that is not ASCII, events, links, failures, and a caller's number."""

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context


def make_spans(tracer, run):
    shared = {
        "interaction.id": run,
        "customer.phone.number": "+442079460123",
        "interaction.campaign_id": "broadband-tv-spot",
    }
    call = tracer.start_span(
        "incoming call",
        kind=SpanKind.SERVER,
        attributes={
            **shared,
            "interaction.stage": "ivr",
            "caller.name": "Zoë Çelik 東京 🙂",
            "text.empty": "",
            "text.long": "a minute of silence " * 200,
            "int.small": 42,
            "int.negative": -7,
            "int.largest": 2**63 - 1,
            "int.smallest": -(2**63),
            "double.quarter": 0.25,
            "double.whole": 3.0,
            "double.tiny": 5e-324,
            "bool.true": True,
            "bool.false": False,
            "bytes": b"\x00\xff\x10",
            "list.text": ["one", "zwei", "三"],
            "list.int": [1, -2, 3],
            "list.double": [0.5, -2.25],
            "list.bool": [True, False],
            "list.empty": [],
        },
    )
    in_call = set_span_in_context(call)

    lookup = tracer.start_span("look up customer", in_call, SpanKind.CLIENT, shared)
    lookup.add_event("retry", {"attempt": 2, "reason": "Zeitüberschreitung"})
    lookup.add_event("gave up")
    lookup.set_status(Status(StatusCode.ERROR, "CRM did not answer: délai dépassé"))
    lookup.end()

    earlier = SpanContext(
        0x4BF92F3577F34DA6C19E9222D19E89B8, 0xCCBD124DBDFC3439, is_remote=True, trace_flags=TraceFlags(1)
    )
    link = Link(earlier, {"link.kind": "transfer"})
    joined = tracer.start_span("join earlier call", in_call, SpanKind.INTERNAL, shared, [link])
    joined.set_status(StatusCode.OK)
    joined.end()

    for kind in (SpanKind.PRODUCER, SpanKind.CONSUMER):
        tracer.start_span(f"{kind.name.lower()} of events", in_call, kind, shared).end()
    call.end()


def make_metrics(meter, run):
    meter.create_counter("e2e.calls", "{call}").add(3, {"run.id": run})
    meter.create_histogram("e2e.wait", "s").record(12.5, {"run.id": run})
    meter.create_gauge("e2e.agents").set(7, {"run.id": run})


def make_logs(logger, run):
    logger.emit(
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body=f"queue is long: {run}",
        attributes={"interaction.id": run, "waiting": 12},
    )
    logger.emit(severity_number=SeverityNumber.INFO, body=f"Anruf beendet: {run}")
