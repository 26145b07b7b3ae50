import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/{e2e,visual}/**/*.test.ts'],
    environment: 'node',
    // One browser at a time: the tests share a machine with others.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
