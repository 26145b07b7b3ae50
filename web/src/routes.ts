/** Every address of the page, both ways. Pure; `router.svelte.ts` keeps the current one. */

export type Route =
  | { page: 'interactions' }
  | { page: 'interaction'; id: string }
  | { page: 'trace'; id: string }
  | { page: 'missing'; path: string };

export function parseRoute(path: string): Route {
  const parts = path.split('/').filter(Boolean);
  const [first, second] = parts;
  if (parts.length === 0 || (parts.length === 1 && first === 'interactions')) return { page: 'interactions' };
  const id = parts.length === 2 ? decode(second) : '';
  if (id && first === 'interactions') return { page: 'interaction', id };
  if (id && first === 'traces') return { page: 'trace', id };
  return { page: 'missing', path };
}

export const interactionsHref = (search = ''): string => `/interactions${search}`;
export const interactionHref = (id: string): string => `/interactions/${encodeURIComponent(id)}`;
export const traceHref = (id: string, spanId = ''): string =>
  `/traces/${encodeURIComponent(id)}${spanId && `?span=${encodeURIComponent(spanId)}`}`;

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? '');
  } catch {
    return '';
  }
}
