import { svelte } from '@sveltejs/vite-plugin-svelte';
import { minify } from 'terser';
import { defineConfig, type Plugin } from 'vite';

/** What every page has. */
const BASE =
  /node_modules|preload-helper|src\/(App|pages\/Missing|router|routes|keys|settings|kept|time|session|poll|api\/|pages\/loaded|trace\/(attributes|stages\.)|list\/(outcome|jump)|scope\/(filters|local-time)|ui\/(?!Card|Skeleton|Bell|Figures))/;
/**
 * The page is drawn in the browser only, and no server's HTML is ever taken over: what Svelte does for that in every
 * block falls away when it is known at build time, and so do the calls that do nothing then. A part that Svelte adds to
 * this file fails the build by its name.
 */
const HYDRATION = `
  import { noop } from '../../shared/utils.js';
  export const hydrating = false;
  export const hydrate_node = null;
  export {
    noop as reset, noop as next, noop as set_hydrating, noop as set_hydrate_node, noop as hydrate_next,
    noop as hydrate_template, noop as skip_nodes, noop as read_hydration_instruction,
  };
`;
const neverHydrates: Plugin = {
  name: 'never-hydrates',
  apply: 'build',
  load: (id) => (id.endsWith('/svelte/src/internal/client/dom/hydration.js') ? HYDRATION : null),
};
/** What runs around the whole page, without a way to fail or to wait: no part of it has a boundary of its own. */
const BOUNDARY = `
  import { branch } from '../../reactivity/effects.js';
  export { noop as pending } from '../../../shared/utils.js';
  export const boundary = (node, props, children) => branch(() => children(node));
`;
const noBoundary: Plugin = {
  name: 'no-boundary',
  apply: 'build',
  load: (id) => (id.endsWith('/svelte/src/internal/client/dom/blocks/boundary.js') ? BOUNDARY : null),
};
/** A list that only other uses of Svelte read; a spread is kept for what its iterator might do. */
const unusedListGoes: Plugin = {
  name: 'unused-list-goes',
  apply: 'build',
  transform: (code, id) =>
    id.endsWith('/svelte/src/utils.js')
      ? {
          code: code.replace(
            /const DOM_PROPERTIES = (\[[^\]]*\]);/,
            'const DOM_PROPERTIES = /*#__PURE__*/ (() => $1)();',
          ),
          map: null,
        }
      : null,
};
/** Without `experimental.async`, which this page does not set, no expression waits for a promise. */
const nothingIsAwaited: Plugin = {
  name: 'nothing-is-awaited',
  apply: 'build',
  transform: (code, id) =>
    id.endsWith('/svelte/src/internal/client/reactivity/async.js')
      ? {
          code: code
            .replace(/var pending = blockers\.filter\(.*\);/, '')
            .replace('if (async.length === 0 && pending.length === 0) {', 'if (true) {'),
          map: null,
        }
      : null,
};
/**
 * What is derived is read: nothing here writes over it, which Svelte would have a setter for. And no part of this page
 * asks which slots were filled.
 */
const unusedCodeGoes: Plugin = {
  name: 'unused-code-goes',
  apply: 'build',
  enforce: 'post',
  transform: (code, id) =>
    /\/src\/.*\.svelte(\.ts)?$/.test(id)
      ? {
          code: code
            .replace(/set \w+\(value\) \{\s*\$\.set\(this\.(#\w+), value\);\s*\}/g, (setter, field: string) =>
              code.includes(`${field} = $.derived(`) ? '' : setter,
            )
            .replace(/,\s*\$\$slots: \{[^{}]*\}/g, ''),
          map: null,
        }
      : null,
};
/** One byte in a hundred that the bundler's own minifier leaves. */
const minifiedTwice: Plugin = {
  name: 'minified-twice',
  apply: 'build',
  generateBundle: async (_, bundle) => {
    for (const part of Object.values(bundle))
      if (part.type === 'chunk')
        part.code =
          (await minify(part.code, { module: true, ecma: 2020, compress: { passes: 3, keep_fargs: false } })).code ??
          part.code;
  },
};

export default defineConfig({
  plugins: [svelte(), neverHydrates, noBoundary, unusedListGoes, nothingIsAwaited, unusedCodeGoes, minifiedTwice],
  build: {
    target: 'es2022',
    // The page is served under `default-src 'self'`: nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      treeshake: { manualPureFunctions: ['$.reset', '$.next', '$.child', '$.sibling', '$.first_child'] },
      optimization: { inlineConst: { mode: 'all', pass: 3 } },
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'base', test: BASE, priority: 6 },
            { name: 'many', test: /src/, minShareCount: 2, priority: 1 },
          ],
        },
      },
    },
  },
  server: { host: '127.0.0.1', proxy: { '/api': 'http://127.0.0.1:7717' } },
});
