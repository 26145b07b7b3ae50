/** Spans of the services that looked the callers up, as their instrumentation would send them: OTLP/JSON. */
import { createHash } from 'node:crypto';
import type { Summary } from '../../src/api/types';

const SERVER = 2;
const CLIENT = 3;
const HOST = 'crm.internal';
/** A look-up begins so long after its call. */
const AFTER_NS = 4_200_000_000n;

interface Made {
  service: string;
  version: string;
  trace: string;
  id: string;
  parent?: string;
  name: string;
  kind: number;
  /** From the beginning of the look-up. */
  at: [fromMs: number, toMs: number];
  attributes: Record<string, string | number>;
}

/**
 * Up to the release, crm-gateway goes on with its caller's trace. From then on it starts one of its own, asks for the
 * loyalty programme too, and takes longer.
 */
export function spansOf(calls: readonly Summary[], released: number) {
  const resourceSpans = calls.flatMap((call) => {
    const start = BigInt(call.start_ns) + AFTER_NS;
    return lookUp(call.id, start / 1_000_000n >= BigInt(released)).map((made) => ({
      resource: { attributes: attributes({ 'service.name': made.service, 'service.version': made.version }) },
      scopeSpans: [
        {
          spans: [
            {
              traceId: made.trace,
              spanId: made.id,
              parentSpanId: made.parent ?? '',
              name: made.name,
              kind: made.kind,
              startTimeUnixNano: String(start + nanos(made.at[0])),
              endTimeUnixNano: String(start + nanos(made.at[1])),
              attributes: attributes(made.attributes),
            },
          ],
        },
      ],
    }));
  });
  return { resourceSpans };
}

function lookUp(call: string, after: boolean): Made[] {
  const id = (what: string, length = 16) =>
    createHash('sha256').update(`${call} ${what}`).digest('hex').slice(0, length);
  /** From 0 to 1, the same for one call. */
  const chance = parseInt(id('chance', 8), 16) / 0xffffffff;
  const customer = 20 + 30 * chance;
  const loyalty = after ? 60 + 60 * chance : 0;
  const crm = 20 + customer + loyalty;
  const trace = call.replaceAll('-', '');
  const path = `/customers/${parseInt(id('customer', 4), 16)}`;
  const http = { 'http.request.method': 'GET', 'server.address': HOST, 'url.path': path };
  const database = { 'interaction.id': call, 'db.system.name': 'postgresql' };
  const gateway = { service: 'crm-gateway', version: after ? '7.3' : '7.2', trace: after ? id('crm', 32) : trace };
  const middleware = { service: 'middleware', version: '4.1', trace };
  const all: Made[] = [
    {
      ...middleware,
      id: id('lookup'),
      name: 'POST /v2/lookup',
      kind: SERVER,
      at: [0, crm + 20],
      attributes: { 'interaction.id': call, 'interaction.stage': 'action', 'http.request.method': 'POST' },
    },
    {
      ...middleware,
      id: id('get'),
      parent: id('lookup'),
      name: 'GET',
      kind: CLIENT,
      at: [5, crm + 15],
      attributes: { 'interaction.id': call, ...http },
    },
    {
      ...gateway,
      id: id('gateway'),
      ...(after ? {} : { parent: id('get') }),
      name: 'GET /customers/{id}',
      kind: SERVER,
      at: [8, crm + 12],
      attributes: { 'interaction.id': call, 'http.route': '/customers/{id}', ...http },
    },
    {
      ...gateway,
      id: id('customer'),
      parent: id('gateway'),
      name: 'SELECT customer',
      kind: CLIENT,
      at: [12, 12 + customer],
      attributes: { ...database, 'db.query.text': 'SELECT name FROM customer WHERE id = $1' },
    },
  ];
  if (after)
    all.push({
      ...gateway,
      id: id('loyalty'),
      parent: id('gateway'),
      name: 'SELECT loyalty',
      kind: CLIENT,
      at: [14 + customer, 14 + customer + loyalty],
      attributes: { ...database, 'db.query.text': 'SELECT points FROM loyalty WHERE customer = $1' },
    });
  return all;
}

const nanos = (ms: number) => BigInt(Math.round(ms * 1e6));

function attributes(values: Record<string, string | number>) {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}
