/** Rules that watch, and how the process does. */

import { get, send } from './client';
import type { Covers, Int64, Stage } from './types';

export const MEASURES = ['p50', 'p95', 'p99', 'service_level', 'failures', 'count'] as const;
export type Measure = (typeof MEASURES)[number];

export interface Spec {
  name: string;
  stage: Stage;
  measure: Measure;
  within?: string;
  op: 'above' | 'below';
  threshold: number;
  where: Record<string, string | boolean>;
  window: string;
  for: string;
  keep_firing_for: string;
  min_count: number;
  severity: 'info' | 'warning' | 'critical';
  receivers: string[];
  note: string;
  links: string[];
  enabled: boolean;
}

export interface Standing {
  phase: 'inactive' | 'pending' | 'firing';
  since_ns: Int64;
  evaluated_ns: Int64;
  value: number | null;
  n: number;
  enough: boolean;
  well_since_ns: Int64 | null;
}

export interface RuleExample {
  at: string;
  interaction_id: string | null;
  trace_id: string;
  span_id: string;
  duration_ns: Int64;
}

export interface Watched {
  rule: { id: string; spec: Spec; created_ns: Int64; changed_ns: Int64 };
  standing: Standing;
  error: string | null;
  past: { at_ns: Int64; outcome: string; value: number | null; n: number; why: string | null }[];
  examples: RuleExample[];
}

export interface Rules {
  as_of: Int64;
  firing: number;
  kept: boolean;
  rules: Watched[];
  receivers: { name: string; type: string; waiting: number; taken_ns: Int64 | null; error: string | null }[];
}

export interface Preview {
  from_ns: Int64;
  to_ns: Int64;
  complete_from_ns: Int64;
  fired: number;
  firing_ns: Int64;
  episodes: { from_ns: Int64; to_ns: Int64 | null }[];
  not_enough: number;
  looks: number;
  series: { t_ns: Int64; value: number | null; n: number; enough: boolean; firing: boolean }[];
  examples: RuleExample[];
}

const ALERTS = '/api/v1/alerts';
const at = (id: string) => `${ALERTS}/${encodeURIComponent(id)}`;

export const getRules = (signal?: AbortSignal): Promise<Rules> => get(ALERTS, {}, signal);
export const previewRule = (spec: Spec, signal?: AbortSignal): Promise<Preview> =>
  send('POST', `${ALERTS}/preview`, spec, signal);
export const saveRule = (spec: Spec, id = ''): Promise<Watched> =>
  id ? send('PUT', at(id), spec) : send('POST', ALERTS, spec);
export const deleteRule = (id: string): Promise<null> => send('DELETE', at(id));
export const testReceiver = (name: string): Promise<null> =>
  send('POST', `${ALERTS}/receivers/${encodeURIComponent(name)}/test`);

export interface Account {
  exporter: string;
  received: number;
  exported: number;
  dropped: number;
  dropped_by: Record<string, number>;
  refused: number;
  lost: number;
  lost_by: Record<string, number>;
  in_flight: number;
  unaccounted: number;
}

export interface Pipeline {
  name: string;
  items: string;
  receivers: string[];
  processors: { name: string; incoming: number; outgoing: number }[];
  exporters: { name: string; pipelines: string[] }[];
  received: number;
  refused: number;
  accounts: Account[];
}

export interface Status {
  as_of: Int64;
  store: {
    retention_ns: Int64;
    interactions_retention_ns: Int64;
    disk_bytes: number | null;
    files: number | null;
  };
  process: {
    version: string;
    uptime_seconds: number;
    phase: string;
    ready: boolean;
    memory: {
      held_bytes: number;
      cap_bytes: number | null;
      resident_bytes: number | null;
      limit_bytes: number | null;
    };
    pipelines: Pipeline[];
    exporters: {
      name: string;
      healthy: boolean;
      queued: number;
      capacity: number;
      on_disk: number;
      failing_for_seconds: number | null;
      why: string | null;
    }[];
    journals: { extension: string; used_bytes: number; limit_bytes: number | null }[];
    sampling: { processor: string; policy: string; kept: number; left_out: number }[];
    listeners: { component: string; serves: string; address: string }[];
    left_out: number;
  } | null;
}

export interface Clocks {
  covers: Covers;
  pairs: { caller: string; callee: string; n: number; impossible: number; offset_ns: string; within_ns: Int64 }[];
}

export const getStatus = (signal?: AbortSignal): Promise<Status> => get('/api/v1/status', {}, signal);
export const getClocks = (signal?: AbortSignal): Promise<Clocks> => get('/api/v1/status/clocks', {}, signal);
