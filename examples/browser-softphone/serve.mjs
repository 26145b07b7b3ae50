// Bundles the page and serves it. Reads HOST, PORT, GENESYS_API and OTEL_EXPORTER_OTLP_ENDPOINT.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));
const otlp = process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'http://localhost:4318';
const api = process.env.GENESYS_API ?? 'https://api.mypurecloud.com';

const bundle = await build({
  entryPoints: [`${folder}src/main.js`],
  bundle: true,
  format: 'esm',
  minify: true,
  target: 'es2022',
  write: false,
});

const FILES = {
  '/': ['text/html; charset=utf-8', await readFile(`${folder}public/index.html`)],
  '/main.js': ['text/javascript; charset=utf-8', bundle.outputFiles[0].contents],
  '/settings.json': ['application/json', JSON.stringify({ otlp, api })],
};
// Both other origins have to be named, or the browser sends nothing to them.
const POLICY = `default-src 'self'; img-src data:; connect-src 'self' ${api} ${otlp}`;

const server = createServer((request, response) => {
  const [type, content] = FILES[new URL(request.url, 'http://page').pathname] ?? [];
  if (!content) return response.writeHead(404).end();
  response.writeHead(200, {
    'content-type': type,
    'content-security-policy': POLICY,
    'referrer-policy': 'no-referrer',
  });
  response.end(content);
});
server.on('error', (error) => {
  console.error(`cannot listen: ${error.message}; set PORT to a free port`);
  process.exit(1);
});
server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
if (process.env.STOP_WITH_STDIN === '1') process.stdin.resume().once('end', () => process.exit(0));
