/** How long the stages of calls take. */
export { default as overview } from './Overview.svelte';
export { default as stage } from './Stage.svelte';
