/** What opens inside a call, fetched when it is first needed. */
export const details = () => import('./details');
