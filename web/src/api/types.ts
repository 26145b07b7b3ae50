/** The query API's answers. A test holds them, through the fixtures, against docs/openapi.json. */

export const STAGES = [
  'setup',
  'ivr',
  'action',
  'queue',
  'alert',
  'talk',
  'hold',
  'park',
  'consult',
  'transfer',
  'voicemail',
  'wrapup',
] as const;
export type Stage = (typeof STAGES)[number];

/** A 64-bit integer as a decimal string: JSON numbers would lose nanoseconds. */
export type Int64 = string;

export interface StageTime {
  stage: Stage;
  duration_ns: Int64;
}

export interface Summary {
  id: string;
  start_ns: Int64;
  duration_ns: Int64;
  end_ns: Int64;
  channel: string | null;
  direction: string | null;
  region: string | null;
  queues: string[];
  agents: string[];
  /** By their ids; those that nobody told are missing. */
  agent_names: Record<string, string>;
  outcome: string | null;
  /** Something goes on; times are those until now. */
  running: boolean;
  span_count: number;
  trace_count: number;
  error_count: number;
  services: string[];
  stages: StageTime[];
  waited_ns: Int64;
  worked_ns: Int64;
  trace_ids: string[];
}

export const FACETS = ['region', 'queue', 'channel', 'outcome', 'service'] as const;
export type FacetName = (typeof FACETS)[number];

export interface FacetValue {
  value: string;
  count: number;
}

export type Facets = Record<FacetName, FacetValue[]>;

export interface InteractionList {
  interactions: Summary[];
  next_cursor: string | null;
  /** The server's limits ended the look through the range; `next_cursor` goes on from there. */
  truncated: boolean;
  facets: Facets;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Attribute {
  key: string;
  type: 'string' | 'int' | 'double' | 'bool' | 'bytes' | 'array' | 'map' | 'empty';
  value: Json;
}

export interface SpanEvent {
  time_ns: Int64;
  name: string;
  attributes: Attribute[];
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Attribute[];
}

export interface Span {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer' | 'unspecified';
  service: string;
  scope: { name: string; version: string };
  start_ns: Int64;
  duration_ns: Int64;
  status: { code: 'unset' | 'ok' | 'error'; message: string };
  stage: Stage | null;
  revision: number;
  finished: boolean;
  attributes: Attribute[];
  resource: Attribute[];
  events: SpanEvent[];
  links: SpanLink[];
}

export interface InteractionDetail {
  interaction: Summary;
  spans: Span[];
  /** There are more spans than the server's limits allow. */
  truncated: boolean;
}

export interface TraceDetail {
  trace_id: string;
  interaction_ids: string[];
  spans: Span[];
  truncated: boolean;
}
