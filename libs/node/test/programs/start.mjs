// node start.mjs <requests to serve before the SDK is started> [late]: prints what `start` returned.
// With `late`, the library itself is loaded after the requests, as in the guide's trap.
import { createServer, get } from 'node:http';
import { once } from 'node:events';

const [requests, late] = process.argv.slice(2);
const early = late ? undefined : await import('throughline-otel/start');

const server = createServer((_request, response) => response.end());
if (Number(requests) > 0) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (let number = 0; number < Number(requests); number += 1) {
    const [response] = await once(get({ port: server.address().port, agent: false }), 'response');
    await once(response.resume(), 'end');
  }
  if (!late) await new Promise((closed) => server.close(closed));
}

const { start } = early ?? (await import('throughline-otel/start'));
let started = 0;
const warning = start({ start: () => (started += 1) });
console.log(JSON.stringify({ started, warning: warning ?? null }));
server.close();
