// Calls of any size: a voice call whose IVR asks services and databases again and again.
// @ts-check
import { span } from '../tests/fixtures/call.mjs';

/** @import { Json, Span } from '../src/api/types' */
/** @import { Sketch } from '../tests/fixtures/call.mjs' */

/** Below each Data Action: the request, the service, its database twice, another service and its database. */
const BLOCK = 8;
export const BIG_TRACE = 'b16ca11'.padEnd(32, '0');

/** @param {number} count @param {bigint} start @returns {Span[]} */
export function bigCall(count, start) {
  /** @type {Sketch[]} */
  const sketches = [
    { id: 'f0', name: 'SIP INVITE', service: 'edge-sbc', kind: 'server', from: 0, to: 0.8, stage: 'setup' },
    { id: 'f1', name: 'IVR flow', service: 'flow', from: 0.8, to: 600, stage: 'ivr' },
    {
      id: 'f2',
      name: 'Queue',
      service: 'acd',
      from: 600,
      to: 860,
      stage: 'queue',
      attributes: { 'interaction.queue.name': 'billing' },
    },
    {
      id: 'f3',
      name: 'Alert',
      service: 'acd',
      from: 860,
      to: 866,
      stage: 'alert',
      attributes: { 'interaction.agent.id': 'agent-1' },
    },
    {
      id: 'f4',
      name: 'Talk',
      service: 'acd',
      from: 866,
      to: 1100,
      stage: 'talk',
      attributes: { 'interaction.agent.id': 'agent-1' },
    },
  ];
  const blocks = Math.ceil((count - sketches.length) / BLOCK);
  for (let block = 0; block < blocks; block++) {
    const at = 1 + (block * 590) / blocks;
    const id = (/** @type {number} */ n) => (0x10000 + block * BLOCK + n).toString(16);
    const db = { 'db.system.name': 'postgresql', 'db.query.text': `SELECT * FROM customer WHERE id = ${block}` };
    const http = {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': `/v2/customers/${block}`,
    };
    /** @type {[number, number | string, string, string, import('../src/api/types').Span['kind'], number, number, Record<string, Json>][]} */
    const rows = [
      [0, 'f1', `Data Action ${block}`, 'flow', 'internal', 0, 0.04, { 'action.name': 'get-customer' }],
      [1, 0, 'POST /v2/lookup', 'middleware', 'server', 0.002, 0.038, http],
      [2, 1, 'SELECT session', 'middleware', 'client', 0.003, 0.006, db],
      [3, 1, 'SELECT customer', 'middleware', 'client', 0.007, 0.012, db],
      [4, 1, 'GET crm', 'middleware', 'client', 0.013, 0.036, http],
      [5, 4, 'GET /customers/{id}', 'crm-gateway', 'server', 0.015, 0.034, http],
      [6, 5, 'SELECT invoice', 'crm-gateway', 'client', 0.017, 0.022, db],
      [7, 5, 'SELECT note', 'crm-gateway', 'client', 0.024, 0.03, db],
    ];
    for (const [n, parent, name, service, kind, from, to, attributes] of rows)
      sketches.push({
        id: id(n),
        parent: typeof parent === 'string' ? parent : id(parent),
        name,
        service,
        kind,
        from: at + from,
        to: at + to,
        attributes,
        ...(n === 0 ? { stage: /** @type {const} */ ('action') } : {}),
      });
  }
  return sketches.slice(0, count).map((one) => span(start, BIG_TRACE, one));
}
