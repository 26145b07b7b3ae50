/** Every address of the page, both ways. Pure; `router.svelte.ts` keeps the current one. */

import { STAGES, type Stage } from './api/types';
import { isListSearch } from './scope/filters';

export type Route =
  | { page: 'overview' }
  | { page: 'stage'; stage: Stage }
  | { page: 'interactions' }
  | { page: 'interaction'; id: string }
  | { page: 'trace'; id: string }
  | { page: 'hops' }
  | { page: 'compare' }
  | { page: 'transfers' }
  | { page: 'settings' }
  | { page: 'alerts'; id: string }
  | { page: 'status' }
  | { page: 'missing'; path: string };

/** The list was at `/` once: an address from then, with what only the list can be asked, still opens it. */
export function parseRoute(path: string, search = ''): Route {
  const parts = path.split('/').filter(Boolean);
  const [first, second] = parts;
  if (parts.length === 0) return { page: isListSearch(search) ? 'interactions' : 'overview' };
  if (parts.length === 1) {
    if (
      first === 'interactions' ||
      first === 'compare' ||
      first === 'transfers' ||
      first === 'hops' ||
      first === 'settings' ||
      first === 'status'
    )
      return { page: first };
    if (first === 'alerts') return { page: first, id: '' };
    if (first === 'stages') return { page: 'stage', stage: 'queue' };
  }
  const id = parts.length === 2 ? decode(second) : '';
  const stage = first === 'stages' ? STAGES.find((one) => one === id) : undefined;
  if (stage) return { page: 'stage', stage };
  if (id && first === 'interactions') return { page: 'interaction', id };
  if (id && first === 'alerts') return { page: 'alerts', id };
  if (id && first === 'traces') return { page: 'trace', id };
  return { page: 'missing', path };
}

export const overviewHref = (search = ''): string => `/${search}`;
export const stageHref = (stage: Stage, search = ''): string => `/stages/${stage}${search}`;
export const compareHref = (search = ''): string => `/compare${search}`;
export const transfersHref = (search = ''): string => `/transfers${search}`;
export const interactionsHref = (search = ''): string => `/interactions${search}`;
export const alertsHref = (id = ''): string => `/alerts${id && `/${encodeURIComponent(id)}`}`;
export const interactionHref = (id: string, span = ''): string =>
  `/interactions/${encodeURIComponent(id)}${span && `?span=${encodeURIComponent(span)}`}`;
export const hopsHref = (service = ''): string => `/hops${service && `?service=${encodeURIComponent(service)}`}`;
export const traceHref = (id: string, spanId = ''): string =>
  `/traces/${encodeURIComponent(id)}${spanId && `?span=${encodeURIComponent(spanId)}`}`;

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? '');
  } catch {
    return '';
  }
}
