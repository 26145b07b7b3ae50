import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiQuery, parseFilters } from '../../src/list/filters';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { serve } from '../fixtures/server.mjs';

/** The published document of the API. `types.ts` types the fixtures, and these hold the fixtures against it. */
const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as OpenApi;

interface Schema {
  $ref?: string;
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

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => void (server = await serve()));
afterAll(() => server.close());

test.each([
  ['/api/v1/interactions', '/api/v1/interactions?limit=200', '200'],
  ['/api/v1/interactions/{id}', `/api/v1/interactions/${CALL_ID}`, '200'],
  ['/api/v1/interactions/{id}', '/api/v1/interactions/nope', '404'],
  ['/api/v1/traces/{trace_id}', `/api/v1/traces/${TRACES[2]}`, '200'],
])('the fixture of %s answers as the document says (%s, %s)', async (path, url, status) => {
  const response = await fetch(server.origin + url);
  expect(String(response.status)).toBe(status);
  const schema = document.paths[path]?.get.responses[status]?.content['application/json'].schema;
  expect(schema).toBeDefined();
  expect(differences(await response.json(), schema ?? {}, '')).toEqual([]);
});

test('the page asks with parameters that exist', () => {
  const known = document.paths['/api/v1/interactions']?.get.parameters.map(({ name }) => name) ?? [];
  const everything =
    '?region=r&queue=q&channel=c&outcome=o&service=s&agent=a&stage=ivr&q=x&errors=true&min=90s&range=1h';
  const asked = [...Object.keys(apiQuery(parseFilters(everything), 0)), 'limit', 'cursor', 'to'];
  expect(asked.filter((name) => !known.includes(name))).toEqual([]);
});

/** Where a value is not what a schema says; unknown properties count too. */
function differences(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref)
    return differences(value, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, at);
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
