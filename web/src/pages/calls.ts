/** One call. */
export { default as interaction } from './Interaction.svelte';
export { default as trace } from './Trace.svelte';
