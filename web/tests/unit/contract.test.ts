import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boxQuery } from '../../src/charts/box';
import { readSides, SIDE_KEYS } from '../../src/compare/sides';
import { analysisQuery, apiQuery, parseAnalysis, parseFilters } from '../../src/scope/filters';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { FOLLOW_ID } from '../fixtures/whole.mjs';
import { serve } from '../fixtures/server.mjs';

/** The published document of the API. `types.ts` types the fixtures, and these hold the fixtures against it. */
const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as OpenApi;

interface Schema {
  $ref?: string;
  oneOf?: Schema[];
  type?: string | string[];
  pattern?: string;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
}
interface Operation {
  parameters: { name: string; in: string }[];
  responses: Record<string, { content: { 'application/json': { schema: Schema } } }>;
}
interface OpenApi {
  paths: Record<string, { get: Operation }>;
  components: { schemas: Record<string, Schema> };
}

const BOX = new URLSearchParams({
  box_from: new Date(Date.now() - 2 * 3_600_000).toISOString(),
  box_to: new Date().toISOString(),
  box_min: '80s',
});

const ALL_SIDES = `?${new URLSearchParams(
  ['a', 'b'].flatMap((side) => SIDE_KEYS.map((key) => [`${side}_${key}`, '2026-11-20T14:00:00Z'])),
)}`;

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => void (server = await serve()));
afterAll(() => server.close());

test.each([
  ['/api/v1/interactions', '/api/v1/interactions?limit=200', '200'],
  ['/api/v1/interactions/{id}', `/api/v1/interactions/${CALL_ID}`, '200'],
  ['/api/v1/interactions/{id}', `/api/v1/interactions/${CALL_ID}?outline_above=0`, '200'],
  ['/api/v1/interactions/{id}', '/api/v1/interactions/nope', '404'],
  ['/api/v1/interactions/{id}/path', `/api/v1/interactions/${FOLLOW_ID}/path`, '200'],
  ['/api/v1/interactions/{id}/chain', `/api/v1/interactions/${CALL_ID}/chain`, '200'],
  ['/api/v1/interactions/{id}/percentiles', `/api/v1/interactions/${CALL_ID}/percentiles`, '200'],
  ['/api/v1/hops', '/api/v1/hops', '200'],
  ['/api/v1/hops/matrix', '/api/v1/hops/matrix', '200'],
  ['/api/v1/overview', '/api/v1/overview', '200'],
  ['/api/v1/stages/{stage}', '/api/v1/stages/queue?group_by=queue', '200'],
  ['/api/v1/stages/{stage}', '/api/v1/stages/park', '200'],
  ['/api/v1/stages/{stage}/differs', `/api/v1/stages/queue/differs?${BOX}`, '200'],
  ['/api/v1/compare', '/api/v1/compare?a_version=7.2&b_version=7.3', '200'],
  ['/api/v1/compare', '/api/v1/compare?a_version=7.2&b_version=7.3&control=week', '200'],
  ['/api/v1/transfers', '/api/v1/transfers', '200'],
  ['/api/v1/session', '/api/v1/session', '200'],
  ['/api/v1/settings', '/api/v1/settings', '200'],
  ['/api/v1/audit', '/api/v1/audit?limit=5', '200'],
  ['/api/v1/links', '/api/v1/links', '200'],
  ['/api/v1/alerts', '/api/v1/alerts', '200'],
  ['/api/v1/alerts/{id}', '/api/v1/alerts/18f1', '200'],
  ['/api/v1/alerts/{id}', '/api/v1/alerts/nobody', '404'],
  ['/api/v1/status', '/api/v1/status', '200'],
  ['/api/v1/status/clocks', '/api/v1/status/clocks', '200'],
  ['/api/v1/traces/{trace_id}', `/api/v1/traces/${TRACES[2]}`, '200'],
  ['/api/v1/traces/{trace_id}/spans/{span_id}', `/api/v1/traces/${TRACES[2]}/spans/${'d1'.padStart(16, '0')}`, '200'],
])('the fixture of %s answers as the document says (%s, %s)', async (path, url, status) => {
  const response = await fetch(server.origin + url);
  expect(String(response.status)).toBe(status);
  const schema = document.paths[path]?.get.responses[status]?.content['application/json'].schema;
  expect(schema).toBeDefined();
  expect(differences(await response.json(), schema ?? {}, '')).toEqual([]);
});

const parametersOf = (path: string) => document.paths[path]?.get.parameters.map(({ name }) => name) ?? [];

test('the page asks with parameters that exist', () => {
  const known = parametersOf('/api/v1/interactions');
  const everything =
    '?region=r&queue=q&channel=c&outcome=o&service=s&agent=a&stage=ivr&q=x&errors=true&min=90s&range=1h';
  const asked = [...Object.keys(apiQuery(parseFilters(everything), 0)), 'limit', 'cursor', 'to'];
  expect(asked.filter((name) => !known.includes(name))).toEqual([]);
});

test('the pages of the analysis ask with parameters that exist', () => {
  const everything = '?region=r&queue=q&channel=c&version=v&outcome=o&service=s&agent=a&q=x&errors=true&min=90s';
  const asked = Object.entries(analysisQuery(parseAnalysis(everything), 0)).flatMap(([key, value]) =>
    value === undefined ? [] : [key],
  );
  const box = Object.keys(boxQuery({ from: 0, to: 1, min: 0, max: 1 }));
  for (const [path, names] of [
    ['/api/v1/overview', asked],
    ['/api/v1/interactions/{id}', ['id', 'outline_above']],
    ['/api/v1/transfers', asked],
    ['/api/v1/stages/{stage}', [...asked, 'steps', 'group_by', 'service_level', 'objective']],
    ['/api/v1/stages/{stage}/differs', [...asked, 'to', ...box]],
    ['/api/v1/compare', Object.keys(readSides(`${ALL_SIDES}&service=s&channel=c&control=week`, 0))],
  ] as const) {
    expect(names.filter((name) => !parametersOf(path).includes(name))).toEqual([]);
  }
});

/** Where a value is not what a schema says; unknown properties count too. */
function differences(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref)
    return differences(value, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, at);
  if (schema.oneOf) {
    const all = schema.oneOf.map((one) => differences(value, one, at));
    return all.some((one) => one.length === 0) ? [] : (all[0] ?? []);
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (
    types.length > 0 &&
    !types.includes(typeOf(value)) &&
    !(types.includes('number') && typeOf(value) === 'integer')
  ) {
    return [`${at}: ${typeOf(value)} instead of ${types.join(' or ')}`];
  }
  if (schema.pattern && typeof value === 'string' && !new RegExp(schema.pattern).test(value))
    return [`${at}: ${value}`];
  if (Array.isArray(value))
    return value.flatMap((one, index) => differences(one, schema.items ?? {}, `${at}[${index}]`));
  if (typeof value !== 'object' || value === null || !schema.properties) return [];
  const { properties, required = [] } = schema;
  const entries = Object.entries(value);
  return [
    ...required.filter((key) => !(key in value)).map((key) => `${at}.${key}: missing`),
    ...entries.filter(([key]) => !(key in properties)).map(([key]) => `${at}.${key}: unknown`),
    ...entries.flatMap(([key, one]) => (properties[key] ? differences(one, properties[key], `${at}.${key}`) : [])),
  ];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
