import type {
  Compared,
  Differs,
  InteractionDetail,
  InteractionList,
  Overview,
  Span,
  Stage,
  StageDetail,
  TraceDetail,
  Transfers,
} from './types';

const PATIENCE_MS = 30_000;

/** What went wrong, in words a person can act on. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly help: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

const LIST = '/api/v1/interactions';
export const listInteractions = (query: Query, signal?: AbortSignal): Promise<InteractionList> =>
  get(LIST, query, signal);
/** The same as an address. */
export const listHref = (query: Query): string => LIST + queryString(query);

/** With `unmask` what is personal is not masked, and the audit says that we saw it. */
export const getInteraction = (id: string, query: Query = {}, signal?: AbortSignal): Promise<InteractionDetail> =>
  get(`/api/v1/interactions/${encodeURIComponent(id)}`, query, signal);

/** One span with everything on it; several where a client and a server share the id. */
export const getSpan = (trace: string, span: string): Promise<{ spans: Span[] }> =>
  get(`/api/v1/traces/${trace}/spans/${span}`, {});

export const getTrace = (id: string, signal?: AbortSignal): Promise<TraceDetail> =>
  get(`/api/v1/traces/${encodeURIComponent(id)}`, {}, signal);

export const getOverview = (query: Query, signal?: AbortSignal): Promise<Overview> =>
  get('/api/v1/overview', query, signal);

export const getStage = (stage: Stage, query: Query, signal?: AbortSignal): Promise<StageDetail> =>
  get(`/api/v1/stages/${stage}`, query, signal);

export const getDiffers = (stage: Stage, query: Query, signal?: AbortSignal): Promise<Differs> =>
  get(`/api/v1/stages/${stage}/differs`, query, signal);

export const getCompared = (query: Query, signal?: AbortSignal): Promise<Compared> =>
  get('/api/v1/compare', query, signal);

export const getTransfers = (query: Query, signal?: AbortSignal): Promise<Transfers> =>
  get('/api/v1/transfers', query, signal);

/** Server-Sent Events about calls that go on. */
export const LIVE = '/api/v1/live';

export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}

/** Anything that went wrong, as what a page can say. */
export const asApiError = (cause: unknown): ApiError =>
  cause instanceof ApiError
    ? cause
    : new ApiError(0, 'page', 'This page met an answer it could not read.', String(cause));

/** What the server says about who is there; kept by `session.svelte.ts`. */
export const door = { csrf: '', closed: () => {} };

export const get = <T>(path: string, query: Query, signal?: AbortSignal): Promise<T> =>
  ask(path + queryString(query), {}, signal);

/** Changes something, or asks what does not fit into an address. */
export const send = <T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> =>
  ask(
    path,
    {
      method,
      headers: { 'content-type': 'application/json', 'throughline-csrf': door.csrf },
      body: body === undefined ? null : JSON.stringify(body),
    },
    signal,
  );

async function ask<T>(path: string, how: RequestInit, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      ...how,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw timeout.aborted
      ? new ApiError(
          0,
          'timeout',
          `No answer within ${PATIENCE_MS / 1000} seconds.`,
          'Narrow the time range, or try again.',
        )
      : new ApiError(
          0,
          'unreachable',
          'The server does not answer.',
          'Check that throughline is still running, then try again.',
        );
  }
  if (response.status === 204) return undefined as T;
  const body: unknown = await response.json().catch(() => null);
  if (signal?.aborted) throw new DOMException('superseded', 'AbortError');
  if (response.status === 401) door.closed();
  if (!response.ok) throw refusal(response.status, body);
  if (body === null || typeof body !== 'object') {
    throw new ApiError(
      response.status,
      'not_json',
      'The answer was not JSON.',
      'Something between this page and throughline changed the answer: look for a proxy.',
    );
  }
  return body as T;
}

function refusal(status: number, body: unknown): ApiError {
  const error = (body as { error?: { code?: unknown; message?: unknown; help?: unknown } } | null)?.error;
  const text = (value: unknown, otherwise: string) => (typeof value === 'string' && value ? value : otherwise);
  return new ApiError(
    status,
    text(error?.code, status === 404 ? 'not_found' : 'refused'),
    text(error?.message, `The server answered with status ${status}.`),
    text(error?.help, ''),
  );
}

function queryString(query: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  return text && `?${text}`;
}
