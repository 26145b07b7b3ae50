/** What is opened inside a call, one file for all of it: few files are smaller than many. */
export { default as ChainRail } from './ChainRail.svelte';
export { default as Drawer } from './Drawer.svelte';
export { default as EventsTab } from './EventsTab.svelte';
export { default as LadderTab } from './LadderTab.svelte';
export { default as LinkTo } from './LinkTo.svelte';
