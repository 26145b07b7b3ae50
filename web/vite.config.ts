import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** What opens inside a call, and what pages of many calls share: few files are smaller than many. */
const DETAILS =
  /src\/trace\/(Ladder|LostHops|EventsTab|RawSpan|Drawer|SpanFacts|HeadersSeen|Rank\.|Identity|Attributes|ChainRail|ticket|clock|otlp|events|ladder|headers|windowed)/;
/** Small parts that every page has. */
const PARTS =
  /src\/(poll|api\/calls|pages\/(asked|loaded)|trace\/attributes|list\/outcome|scope\/local-time|ui\/(Copy|Failure|Outcome|Stale|Strip))/;
const MANY =
  /src\/(charts|stages|overview|scope\/(?!filters)|compare\/sides|list\/EmptyStore|api\/alerts|alerts\/rules|alerts\/RuleState|ui\/(Card|Skeleton|Bell))/;
const PICTURE = /src\/trace\/(?!stages)/;

export default defineConfig({
  plugins: [
    svelte({
      compilerOptions: {
        cssHash: ({ hash, css }) => `s${hash(css).slice(0, 4)}`,
        discloseVersion: false,
        fragments: 'tree',
      },
    }),
  ],
  build: {
    target: 'es2022',
    // The page is served under `default-src 'self'`: nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'details', test: DETAILS, priority: 3 },
            { name: 'sides', test: /src\/(pages\/(Compare|Transfers)|compare\/(?!sides)|transfers\/)/, priority: 5 },
            {
              name: 'watch',
              test: /src\/(pages\/(Alerts|Status)|alerts\/(RuleForm|PreviewChart)|status\/)/,
              priority: 5,
            },
            { name: 'parts', test: PARTS, priority: 4 },
            { name: 'many', test: MANY, minShareCount: 2, priority: 1 },
            { name: 'picture', test: PICTURE, minShareCount: 2, priority: 2 },
          ],
        },
      },
    },
  },
  server: { host: '127.0.0.1', proxy: { '/api': 'http://127.0.0.1:7717' } },
});
