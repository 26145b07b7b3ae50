import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SRC = new URL('../../src/', import.meta.url);

test('no part of the page makes markup of text', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(svelte|ts)$/.test(file));
  expect(files).toContain('App.svelte');
  const made = files.filter((file) =>
    /\{@html|innerHTML|outerHTML|insertAdjacentHTML/.test(readFileSync(new URL(file, SRC), 'utf8')),
  );
  expect(made).toEqual([]);
});
