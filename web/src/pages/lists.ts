/** Calls in rows, and who calls whom. */
export { default as hops } from './Hops.svelte';
export { default as interactions } from './Interactions.svelte';
