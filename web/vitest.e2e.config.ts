import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [process.env['REAL'] ? 'tests/real/**/*.test.ts' : 'tests/{e2e,visual}/**/*.test.ts'],
    environment: 'node',
    // One browser at a time: the tests share a machine with others.
    fileParallelism: false,
    testTimeout: process.env['SLOW'] ? 240_000 : 60_000,
    hookTimeout: 120_000,
    // What is on screen after a key or a click is there when the page has drawn it, not at once.
    expect: { poll: { timeout: 30_000 } },
  },
});
