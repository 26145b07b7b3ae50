// The guide's snippet, word for word, with the packages of today.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../as-written', import.meta.url));
const GUIDE = readFileSync(`${FOLDER}/guide.cjs`, 'utf8');

// What a server of one's own would do next; the process then has nothing left to wait for.
const AFTERWARDS = ';sdk.shutdown().catch(() => {});';

function run(program) {
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=commonjs', '-'], {
    cwd: FOLDER,
    env: { ...Object.fromEntries(environment), OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' },
    input: program + AFTERWARDS,
    encoding: 'utf8',
  });
  return { status, stdout, error: stderr.match(/^\w*Error: .*$/m)?.[0] };
}

const RESOURCE = ['new opentelemetry.resource.Resource(', 'opentelemetry.resources.resourceFromAttributes('];
const START = [/sdk\.start\(\)[\s\S]*$/, "sdk.start();\nconsole.log('Tracing initialized');\n"];

test('as it is written, it fails on the resource', () => {
  const { status, error } = run(GUIDE);
  assert.equal(status, 1);
  assert.match(error, /^TypeError: Cannot read properties of undefined \(reading 'Resource'\)/);
});

test('with the resource mended, it fails on the promise that start() no longer returns', () => {
  const { status, error } = run(GUIDE.replace(...RESOURCE));
  assert.equal(status, 1);
  assert.match(error, /^TypeError: Cannot read properties of undefined \(reading 'then'\)/);
});

test('with both mended, it starts', () => {
  const { status, stdout, error } = run(GUIDE.replace(...RESOURCE).replace(...START));
  assert.deepEqual({ status, stdout, error }, { status: 0, stdout: 'Tracing initialized\n', error: undefined });
});
