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
  /** The server's limits ended the look through the range, and `next_cursor` goes on from there; or a search looked at some spans only of a very long call. */
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

/** How the wait of one call stands beside the service level of queues. */
export interface ServiceLevel {
  threshold_ns: Int64;
  waited_ns: Int64;
  end: 'answered' | 'abandoned' | 'elsewhere' | 'waiting';
  /** Null where it does not count. */
  met: boolean | null;
}

/** Spans in columns. Numbers stand for places: in `strings`, in `traces`, or in the columns themselves. */
export interface Outline {
  start_ns: Int64;
  strings: string[];
  traces: string[];
  trace: number[];
  span_id: string[];
  /** -1 without a parent, -2 for the next of `missing_parents`. */
  parent: number[];
  missing_parents: string[];
  name: number[];
  service: number[];
  kind: number[];
  /** -1 without one. */
  stage: number[];
  start: number[];
  duration: number[];
  unfinished: number[];
  /** Span and message, in turns. */
  errors: number[];
  /** Span, key and value, in turns. */
  attributes: number[];
  links: { span: number; link: SpanLink }[];
}

export interface InteractionDetail {
  interaction: Summary;
  service_level: ServiceLevel | null;
  missing_parents: number;
  /** Empty where there is an outline. */
  spans: Span[];
  outline: Outline | null;
  /** There are more spans than the server's limits allow. */
  truncated: boolean;
}

export interface TraceDetail {
  trace_id: string;
  interaction_ids: string[];
  spans: Span[];
  truncated: boolean;
}

/** What an answer about a stretch of time is about, and how much of it was looked at. */
export interface Covers {
  from: Int64;
  to: Int64;
  as_of: Int64;
  /** What began before `complete_from` is left out. */
  truncated: boolean;
  complete_from: Int64;
  spans: number;
}

/** How long some finished spans took; the times are null where there is none. */
export interface Latency {
  n: number;
  errors: number;
  mean_ns: Int64 | null;
  p50_ns: Int64 | null;
  p95_ns: Int64 | null;
  p99_ns: Int64 | null;
  max_ns: Int64 | null;
}

export interface Share {
  value: number | null;
  part: number;
  n: number;
  formula: string;
}

export interface Within {
  threshold_ns: Int64;
  share: Share;
}

export interface Deploy {
  at_ns: Int64;
  service: string;
  version: string;
  before: string;
}

export interface ExampleSpan {
  at: 'p50' | 'p95' | 'p99' | 'max';
  interaction_id: string | null;
  trace_id: string;
  span_id: string;
  start_ns: Int64;
  duration_ns: Int64;
}

export type ObjectiveState = 'none' | 'met' | 'near' | 'missed';

/** p95 against that of another time; `change` 0.38 is 38 % slower now. */
export interface Change {
  n: number;
  p95_ns: Int64 | null;
  change: number | null;
  complete: boolean;
}

export interface StageStep {
  t_ns: Int64;
  n: number;
  p50_ns: Int64 | null;
  p95_ns: Int64 | null;
}

export interface StageLine {
  stage: Stage;
  /** Of all calls that began, those that came to it. */
  calls: number;
  latency: Latency;
  objective_ns: Int64 | null;
  state: ObjectiveState;
  within: Within | null;
  before: Change;
  week: Change;
  series: StageStep[];
}

export interface RegionStage {
  stage: Stage;
  n: number;
  p95_ns: Int64 | null;
  state: ObjectiveState;
  over: number | null;
}

export interface RegionLine {
  region: string | null;
  calls: number;
  n: number;
  stages: RegionStage[];
}

export interface Running {
  as_of: Int64;
  n: number;
  stages: { stage: Stage | null; n: number }[];
  truncated: boolean;
}

export interface Calls {
  n: number;
  offered: number;
  answered: number;
  abandoned: number;
  short_abandoned: number;
  elsewhere: number;
  waiting: number;
  short_abandon_ns: Int64;
  service_level: Within;
  abandon_rate: Share;
  answer_time: { mean_ns: Int64 | null; n: number; formula: string };
}

export interface Overview {
  covers: Covers;
  step_ns: Int64;
  stages: StageLine[];
  regions: RegionLine[];
  running: Running;
  deploys: Deploy[];
  calls: Calls;
  /** The most calls at once. */
  peak: { n: number; at_ns: Int64 } | null;
}

export interface HeatMap {
  from_ns: Int64;
  step_ns: Int64;
  /** One more than there are rows. */
  bounds_ns: Int64[];
  /** One list for each step, from the shortest row to the longest. */
  counts: number[][];
}

export const GROUPS = ['queue', 'region', 'channel', 'version', 'agent', 'operation'] as const;
export type GroupBy = (typeof GROUPS)[number];

export interface Group {
  value: string | null;
  other: boolean;
  latency: Latency;
  within: number | null;
}

export interface StageDetail {
  covers: Covers;
  stage: Stage;
  latency: Latency;
  objective_ns: Int64 | null;
  within: Within | null;
  heat: HeatMap;
  series: (StageStep & { p99_ns: Int64 | null; within: number | null })[];
  group_by: GroupBy | null;
  groups: Group[];
  examples: ExampleSpan[];
  deploys: Deploy[];
}

export interface Difference {
  /** Null for an attribute of the stage's own span. */
  service: string | null;
  key: string;
  value: string;
  inside: number;
  outside: number;
  share_inside: number;
  share_outside: number;
  points: number;
  significant: boolean;
}

export interface Differs {
  covers: Covers;
  stage: Stage;
  box: { from_ns: Int64; to_ns: Int64; min_ns: Int64; max_ns: Int64 | null };
  inside: number;
  outside: number;
  /** Below 1 what is outside is a sample. */
  outside_share: number;
  enough: boolean;
  note: string;
  differences: Difference[];
  left_out: string[];
  examples: ExampleSpan[];
}

export interface ComparedSide {
  covers: Covers;
  version: string | null;
  region: string | null;
  queue: string | null;
  n: number;
}

export interface Delta {
  change: number | null;
  /** That of the control; where it is there, the rest is about what goes beyond it. */
  control: number | null;
  low: number | null;
  high: number | null;
  verdict: 'slower' | 'faster' | 'unchanged' | 'unsure' | 'not_enough';
  needed: number;
}

export interface Comparison {
  stage: Stage | null;
  service: string | null;
  operation: string | null;
  a: Latency;
  b: Latency;
  p50: Delta;
  p95: Delta;
  p99: Delta;
  verdict: string;
  examples_a: ExampleSpan[];
  examples_b: ExampleSpan[];
}

/** A stage or an operation that only one side has. */
export interface LoneOperation {
  stage: Stage | null;
  service: string | null;
  operation: string | null;
  latency: Latency;
}

export interface Compared {
  a: ComparedSide;
  b: ComparedSide;
  /** Both sides a week before. */
  control: { a: Covers; b: Covers; n: number } | null;
  verdicts: string[];
  stages: Comparison[];
  operations: Comparison[];
  new: LoneOperation[];
  gone: LoneOperation[];
}

export interface TransferEdge {
  from: string | null;
  to: string | null;
  to_kind: 'queue' | 'agent' | 'flow' | 'number' | 'voicemail' | 'unknown';
  n: number;
  blind: number;
  consult: number;
  other: number;
  /** The platform moved the call on by itself: no hand-over. */
  overflow: number;
  added_wait: Latency;
  example: string;
}

export interface RepeatTransfer {
  interaction_id: string;
  start_ns: Int64;
  duration_ns: Int64;
  transfers: number;
  queues: string[];
  waited_ns: Int64;
}

export interface Transfers {
  covers: Covers;
  n: number;
  transferred: number;
  repeated: number;
  edges: TransferEdge[];
  repeats: RepeatTransfer[];
  chains: { interaction_ids: string[]; start_ns: Int64; duration_ns: Int64 }[];
  chains_complete_from: Int64;
}
