import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SRC = new URL('../../src/', import.meta.url);

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(svelte|ts)$/.test(file));
const holding = (pattern: RegExp) => files.filter((file) => pattern.test(readFileSync(new URL(file, SRC), 'utf8')));

test('no part of the page has a boundary of its own, which the build takes out of Svelte', () => {
  expect(holding(/svelte:boundary/)).toEqual([]);
});

test('no part of the page makes markup of text', () => {
  expect(files).toContain('App.svelte');
  expect(holding(/\{@html|innerHTML|outerHTML|insertAdjacentHTML/)).toEqual([]);
});
