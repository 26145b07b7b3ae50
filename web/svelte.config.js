import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** Whose class name it is. @type {Map<string, string>} */
const taken = new Map();

/** Three characters tell most components apart, and are in every file many times. @param {string} whole @param {string} css */
function short(whole, css) {
  for (let length = 3; ; length++) {
    const name = `s${whole.slice(0, length)}`;
    if ((taken.get(name) ?? css) !== css && length < whole.length) continue;
    taken.set(name, css);
    return name;
  }
}

/** @type {import('@sveltejs/vite-plugin-svelte').SvelteConfig} */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    discloseVersion: false,
    fragments: 'tree',
    cssHash: ({ hash, css }) => short(hash(css), css),
  },
};
