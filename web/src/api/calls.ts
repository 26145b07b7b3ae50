/** What the server works out about one call, and about the hops between services. */

import { get } from './client';
import type { FacetValue, Int64, Stage, Summary } from './types';

export interface PathStep {
  trace_id: string;
  span_id: string;
  name: string;
  service: string;
  stage: Stage | null;
  start_ns: Int64;
  duration_ns: Int64;
}

export interface PathShare {
  name: string;
  service: string;
  stage: Stage | null;
  duration_ns: Int64;
  share: number;
  n: number;
}

export interface CallPath {
  interaction_id: string;
  as_of: Int64;
  start_ns: Int64;
  end_ns: Int64;
  caller_left_ns: Int64 | null;
  idle_ns: Int64;
  steps: PathStep[];
  shares: PathShare[];
  truncated: boolean;
}

/** Made by somebody, since no telemetry has it. */
export interface Link {
  id: string;
  from: { kind: 'interaction' | 'trace'; id: string };
  to: { kind: 'interaction' | 'trace'; id: string };
  by: string;
  at_ns: Int64;
  why: string;
}

export interface ChainCall {
  interaction: Summary;
  place: 'this' | 'previous' | 'next';
  /** The word of the link that led here; null for this call, and where the link has none. */
  link: string | null;
  ambiguous: boolean;
  by_hand: Link | null;
}

export interface CallChain {
  interaction_id: string;
  as_of: Int64;
  duration_ns: Int64;
  calls: ChainCall[];
  /** Traces of no interaction that links by hand join to these calls. */
  traces: { trace_id: string; by_hand: Link | null }[];
  truncated: boolean;
}

export interface Covers {
  from: Int64;
  to: Int64;
  as_of: Int64;
  complete_from: Int64;
  spans: number;
  truncated: boolean;
}

export interface SpanPercentile {
  trace_id: string;
  span_id: string;
  /** 0 to 100. */
  percentile: number;
  n: number;
  /** Place in `kinds`. */
  kind: number;
}

/** All spans of one stage, or of one operation of one service. */
export interface KindOfSpan {
  stage: Stage | null;
  service: string | null;
  operation: string | null;
  n: number;
  p50_ns: Int64;
  p95_ns: Int64;
  p99_ns: Int64;
  /** One more than there are bars. */
  bounds_ns: Int64[];
  counts: number[];
}

export interface CallPercentiles {
  interaction_id: string;
  covers: Covers;
  kinds: KindOfSpan[];
  spans: SpanPercentile[];
}

/** Where one span stands among those of its kind. */
export interface Standing extends KindOfSpan {
  percentile: number;
}

export interface HopCell {
  /** Null where nothing that is kept tells who called. */
  sender: string | null;
  receiver: string;
  n: number;
  with_parent: number;
  new_root: number;
  refused: number;
  rewritten: number;
  guessed: number;
  since_ns: Int64 | null;
  state: 'ok' | 'some' | 'lost';
}

export interface HopMatrix {
  covers: Covers;
  senders: string[];
  receivers: string[];
  /** Those that lose the most first. */
  cells: HopCell[];
}

export interface SpanOf {
  trace_id: string;
  span_id: string;
}

export interface HopExample {
  caller: SpanOf | null;
  callee: SpanOf;
  arrived_ns: Int64;
  arrival: 'reparented' | 'restarted' | 'absent';
  known: 'parent' | 'link' | 'header' | 'guess' | 'unknown';
  reason: string | null;
  raw: string | null;
}

export interface Hop {
  caller: string | null;
  callee: string;
  requests: number;
  kept: number;
  joined: number;
  orphaned: number;
  reparented: number;
  restarted: number;
  absent: number;
  lost: number;
  guessed: number;
  since: { ns: Int64 | null; share_before: number; share_after: number } | null;
  versions: { version: string; requests: number; lost: number; first_ns: Int64 }[];
  reasons: FacetValue[];
  example: HopExample | null;
  mend: string | null;
}

export interface Hops {
  hops: Hop[];
  complete_from_ns: Int64;
  truncated: boolean;
}

const of = (id: string, what: string) => `/api/v1/interactions/${encodeURIComponent(id)}/${what}`;

export const getPath = (id: string, signal?: AbortSignal): Promise<CallPath> => get(of(id, 'path'), {}, signal);
export const getChain = (id: string, signal?: AbortSignal): Promise<CallChain> => get(of(id, 'chain'), {}, signal);
export const getPercentiles = (id: string, signal?: AbortSignal): Promise<CallPercentiles> =>
  get(of(id, 'percentiles'), {}, signal);

export interface HopQuestion {
  from?: string | null;
  to?: string | null;
  service?: string | null;
}
export const getHopMatrix = (question: HopQuestion, signal?: AbortSignal): Promise<HopMatrix> =>
  get('/api/v1/hops/matrix', { ...question }, signal);
export const getHops = (question: HopQuestion, signal?: AbortSignal): Promise<Hops> =>
  get('/api/v1/hops', { ...question }, signal);
