/** The built binary, and what it is told and says. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** For one step; what takes longer fails by its name. */
export const PATIENCE = 90_000;
/** Below those that the system gives to connections, of which one may be taken between being found and being used. */
const PORTS = { first: 20_000, count: 12_000 };

export const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export function programs() {
  const binary = built();
  const started: ChildProcess[] = [];
  return {
    run(args: string[], env: NodeJS.ProcessEnv = {}) {
      const child = spawn(binary, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
      started.push(child);
      return child;
    },
    /** Asks all that still run to end. */
    async end() {
      const all = started.filter((child) => child.exitCode === null && child.signalCode === null);
      const gone = all.map((child) =>
        within(
          () => `${child.spawnargs.join(' ')} goes on after it was asked to end`,
          new Promise((resolve) => child.once('exit', resolve)),
        ),
      );
      all.forEach((child) => child.kill());
      await Promise.all(gone);
    },
  };
}

/** `THROUGHLINE_BIN`, or what cargo built. */
function built(): string {
  const named = process.env['THROUGHLINE_BIN'];
  if (named) return named;
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1', '--offline'], {
    cwd: here('.'),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const { target_directory } = JSON.parse(metadata) as { target_directory: string };
  const found = join(target_directory, 'debug', 'throughline');
  if (!existsSync(found))
    throw new Error(
      `${found} is missing: run \`cargo build -p throughline --features lake\` first, or name another one with THROUGHLINE_BIN`,
    );
  return found;
}

const given = new Set<number>();
/** An address of this machine that nobody listens on. */
export async function free(): Promise<string> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (listens) return `127.0.0.1:${port}`;
  }
}

/** Fails with these words when it takes too long. */
function within<T>(what: () => string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${PATIENCE / 1000} s: ${what()}`)), PATIENCE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** What a program has said when these words are in it. */
export function said(child: ChildProcess, words: string): Promise<string> {
  const heard = listen(child);
  const failed = (how: string) => `${child.spawnargs.join(' ')} ${how} “${words}”:\n${heard.all}`;
  return within(
    () => failed('has not said'),
    new Promise((resolve, reject) => {
      heard.more = () => heard.all.includes(words) && resolve(heard.all);
      child.once('close', () => reject(new Error(failed('ended without'))));
    }),
  );
}

/** All that a program said, once it has ended well. */
export function ended(child: ChildProcess): Promise<string> {
  const heard = listen(child);
  const failed = (how: string) => `${child.spawnargs.join(' ')} ${how}:\n${heard.all}`;
  return within(
    () => failed('goes on'),
    new Promise((resolve, reject) => {
      // Not `exit`: what it said last may still come.
      child.once('close', (code) => {
        if (code === 0) resolve(heard.all);
        else reject(new Error(failed(`ended with ${code}`)));
      });
    }),
  );
}

function listen(child: ChildProcess) {
  const heard = { all: '', more: (): unknown => null };
  const hear = (bytes: Buffer) => {
    heard.all += bytes.toString();
    heard.more();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  return heard;
}
