/** What few open first. */
export { default as alerts } from './Alerts.svelte';
export { default as compare } from './Compare.svelte';
export { default as settings } from './Settings.svelte';
export { default as signIn } from './SignIn.svelte';
export { default as status } from './Status.svelte';
export { default as transfers } from './Transfers.svelte';
