// What is sent: every kind of attribute, text that is not ASCII, events, links, failures, and a caller's number.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';

export function makeSpans(tracer, run) {
  const shared = {
    'interaction.id': run,
    'customer.phone.number': '+442079460123',
    'interaction.campaign_id': 'broadband-tv-spot',
  };
  const call = tracer.startSpan('incoming call', {
    kind: SpanKind.SERVER,
    attributes: {
      ...shared,
      'interaction.stage': 'ivr',
      'caller.name': 'Zoë Çelik 東京 🙂',
      'text.empty': '',
      'text.long': 'a minute of silence '.repeat(200),
      'int.small': 42,
      'int.negative': -7,
      'int.largest': Number.MAX_SAFE_INTEGER,
      'double.quarter': 0.25,
      'double.tiny': 5e-324,
      'bool.true': true,
      'bool.false': false,
      'list.text': ['one', 'zwei', '三'],
      'list.int': [1, -2, 3],
      'list.double': [0.5, -2.25],
      'list.bool': [true, false],
      'list.empty': [],
    },
  });
  const inCall = trace.setSpan(ROOT_CONTEXT, call);

  const lookup = tracer.startSpan('look up customer', { kind: SpanKind.CLIENT, attributes: shared }, inCall);
  lookup.addEvent('retry', { attempt: 2, reason: 'Zeitüberschreitung' });
  lookup.addEvent('gave up');
  lookup.setStatus({ code: SpanStatusCode.ERROR, message: 'CRM did not answer: délai dépassé' });
  lookup.end();

  const earlier = { traceId: '4bf92f3577f34da6c19e9222d19e89b8', spanId: 'ccbd124dbdfc3439', traceFlags: 1 };
  const joined = tracer.startSpan(
    'join earlier call',
    { kind: SpanKind.INTERNAL, attributes: shared, links: [{ context: earlier, attributes: { 'link.kind': 'transfer' } }] },
    inCall,
  );
  joined.setStatus({ code: SpanStatusCode.OK });
  joined.end();

  for (const kind of [SpanKind.PRODUCER, SpanKind.CONSUMER]) {
    tracer.startSpan(`${SpanKind[kind].toLowerCase()} of events`, { kind, attributes: shared }, inCall).end();
  }
  call.end();
}

export function makeMetrics(meter, run) {
  meter.createCounter('e2e.calls', { unit: '{call}' }).add(3, { 'run.id': run });
  meter.createHistogram('e2e.wait', { unit: 's' }).record(12.5, { 'run.id': run });
  meter.createGauge('e2e.agents').record(7, { 'run.id': run });
}

export function makeLogs(logger, run) {
  logger.emit({
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
    body: `queue is long: ${run}`,
    attributes: { 'interaction.id': run, waiting: 12 },
  });
  logger.emit({ severityNumber: SeverityNumber.INFO, body: `Anruf beendet: ${run}` });
}
