import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'svelte/compiler';
import { expect, test } from 'vitest';

const SRC = new URL('../../src/', import.meta.url);

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(svelte|ts)$/.test(file));
const holding = (pattern: RegExp) => files.filter((file) => pattern.test(readFileSync(new URL(file, SRC), 'utf8')));

test('no part of the page asks for what the build takes out of Svelte', () => {
  expect(holding(/<script lang="ts">/).length).toBeGreaterThan(50);
  expect(
    holding(/svelte:boundary|\$bindable|\banimate:|\sstyle=|class=\{[[{]|\b(fork|settled)\(|\$effect\.pending/),
  ).toEqual([]);
});

interface Node {
  type: string;
  [part: string]: unknown;
}
function* nodesOf(part: unknown): Generator<Node> {
  if (typeof part !== 'object' || part === null) return;
  if ('type' in part) yield part as Node;
  for (const inner of Object.values(part)) yield* nodesOf(inner);
}
const nameOf = (node: unknown) => {
  const { type, name, left } = node as { type: string; name?: string; left?: { name: string } };
  return type === 'Identifier' ? name : type === 'AssignmentPattern' ? left?.name : undefined;
};

/** The props that a component writes over or binds to. */
function writtenOver(source: string): (string | undefined)[] {
  const all = [...nodesOf(parse(source, { modern: true }))];
  const given = all.flatMap(({ type, id, init }) => {
    const called = type === 'VariableDeclarator' && (init as { callee?: unknown } | null)?.callee;
    if (!called || nameOf(called) !== '$props') return [];
    return (id as { properties: { value: unknown }[] }).properties.map(({ value }) => nameOf(value));
  });
  const written = all.flatMap(({ type, left, argument, expression }) =>
    type === 'AssignmentExpression'
      ? [nameOf(left)]
      : type === 'UpdateExpression'
        ? [nameOf(argument)]
        : type === 'BindDirective'
          ? [nameOf(expression)]
          : [],
  );
  return written.filter((name) => name !== undefined && given.includes(name));
}

test('no part of the page writes over what it was given', () => {
  const script = `<script>let { a, b = 1, c, d } = $props(); d.e = 1; b++;</script>`;
  expect(writtenOver(`${script}<i onclick={() => (a = 2)}></i><input bind:value={c} />`)).toEqual(['a', 'c', 'b']);
  const parts = files.filter((file) => file.endsWith('.svelte'));
  expect(parts.filter((file) => writtenOver(readFileSync(new URL(file, SRC), 'utf8')).length > 0)).toEqual([]);
});

test('no part of the page makes markup of text', () => {
  expect(files).toContain('App.svelte');
  expect(holding(/\{@html|innerHTML|outerHTML|insertAdjacentHTML/)).toEqual([]);
});
