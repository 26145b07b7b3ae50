// The guide's headers (its section 3) at the running service, between a made-up CRM and a made-up collector.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TRACE = '4bf92f3577f34da6c19e9222d19e89b8';
const GUIDE = { traceparent: `00-${TRACE}-ccbd124dbdfc3439-01`, tracestate: 'ot=ro', 'otel-trace-id': TRACE };
const ANSWERS = { '/customers/search': { id: 5, segment: 'private' }, '/customers/5/orders': [] };

/** What the CRM was sent, and the span of the request, for a lookup with these headers. */
async function lookUp(headers) {
  const asked = [];
  const exported = [];
  const around = createServer(async (request, response) => {
    if (request.url === '/v1/traces') exported.push(await json(request));
    else asked.push(request.headers);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(ANSWERS[request.url] ?? {}));
  });
  await once(around.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${around.address().port}`;
  const service = spawn(process.execPath, ['--import', './tracing.mjs', 'server.mjs'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { PATH: process.env.PATH, PORT: '0', STOP_WITH_STDIN: '1', CRM_URL: url, OTEL_EXPORTER_OTLP_ENDPOINT: url },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: service.stdout }), 'line');
  const answer = await fetch(`${line.replace('listening on ', '')}/v2/lookup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ phone: '+442079460005' }),
  });
  service.stdin.end();
  await once(service, 'exit');
  around.close();
  assert.equal(answer.status, 200);
  const spans = exported.flatMap(({ resourceSpans }) => resourceSpans).flatMap(({ scopeSpans }) => scopeSpans);
  return { asked, served: spans.flatMap((scope) => scope.spans).find(({ name }) => name === 'POST /v2/lookup') };
}

test('the trace goes on, to the CRM too, with a tracestate that nobody here reads', async () => {
  const { asked, served } = await lookUp(GUIDE);
  assert.deepEqual([served.traceId, served.parentSpanId], [TRACE, 'ccbd124dbdfc3439']);
  assert.equal(asked.length, 2);
  for (const headers of asked) {
    assert.equal(headers.traceparent.slice(3, 35), TRACE);
    assert.equal(headers.tracestate, 'ot=ro');
  }
});

test('where a balancer stripped traceparent, otel-trace-id is a link', async () => {
  const { served } = await lookUp({ 'otel-trace-id': TRACE });
  assert.notEqual(served.traceId, TRACE);
  assert.deepEqual(
    served.links.map(({ traceId }) => traceId),
    [TRACE],
  );
});
