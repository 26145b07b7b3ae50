import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'node:test';

const PROGRAM = fileURLToPath(new URL('programs/start.mjs', import.meta.url));

async function run(...args) {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM, ...args]);
  return { ...JSON.parse(stdout), stderr };
}

test('an early start says nothing', async () => {
  assert.deepEqual(await run('0'), { started: 1, warning: null, stderr: '' });
});

test('requests that were served before are counted', async () => {
  for (const [requests, said] of [
    ['1', /and 1 request was served: nothing before is traced/],
    ['3', /and 3 requests were served: nothing before is traced/],
  ]) {
    const { started, warning, stderr } = await run(requests);
    assert.equal(started, 1);
    assert.match(warning, said);
    assert.match(stderr, /\[THROUGHLINE_LATE_START\] LateStart: OpenTelemetry starts/);
  }
});

test('a server that listens already is noticed where the library came late too', async () => {
  const { started, warning } = await run('1', 'late');
  assert.equal(started, 1);
  assert.match(warning, /a server already listens/);
});
