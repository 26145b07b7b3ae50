/** What the caller was waiting for, moment by moment: the spans that, shortened, shorten the time on the line. */

import type { CallPath } from '../api/calls';
import { durationOf, parseNanos } from '../time';
import type { Model, Node } from './model';
import { hasCaller } from './stages';

export interface Step {
  node: Node;
  from: number;
  to: number;
}

export interface CriticalPath {
  /** Each moment once, with the deepest span waited for; in order of time. */
  steps: Step[];
  /** For every span on the path, the part of it that was waited for, children included. */
  covers: Map<Node, Step>;
}

/** Empty when no stage has the caller on the line. */
export function criticalPath({ nodes }: Model): CriticalPath {
  const steps: Step[] = [];
  const covers = new Map<Node, Step>();
  const parts: Step[] = waitedFor(outermostOnLine(nodes), -Infinity, Infinity);
  for (let part = parts.pop(); part; part = parts.pop()) {
    covers.set(part.node, part);
    const below = waitedFor(part.node.children, part.from, part.to);
    let to = part.to;
    for (const child of below) {
      if (child.to < to) steps.push({ node: part.node, from: child.to, to });
      to = child.from;
    }
    if (to > part.from) steps.push({ node: part.node, from: part.from, to });
    parts.push(...below);
  }
  return { steps: steps.sort((a, b) => a.from - b.from), covers };
}

/** The path as the server found it; null where it knows other spans than these. */
export function pathFrom({ startNs, byKey }: Model, path: CallPath): CriticalPath | null {
  if (path.truncated) return null;
  const steps: Step[] = [];
  const covers = new Map<Node, Step>();
  for (const { trace_id, span_id, start_ns, duration_ns } of path.steps) {
    const node = byKey.get(`${trace_id}.${span_id}`);
    if (!node) return null;
    const from = Number(parseNanos(start_ns) - startNs);
    const step = { node, from, to: from + durationOf(duration_ns) };
    steps.push(step);
    for (let above: Node | null = node; above; above = above.parent) {
      if (above.tone === 'call') continue;
      const cover = covers.get(above);
      const part = { node: above, from: Math.max(above.start, step.from), to: Math.min(above.end, step.to) };
      if (part.to < part.from) continue;
      covers.set(
        above,
        cover ? { node: above, from: Math.min(cover.from, part.from), to: Math.max(cover.to, part.to) } : part,
      );
    }
  }
  return { steps, covers };
}

/** Backwards from the end: whoever finished last was being waited for, then whoever finished last before it began. */
function waitedFor(nodes: readonly Node[], from: number, until: number): Step[] {
  const chosen: Step[] = [];
  let to = until;
  for (const node of [...nodes].sort((a, b) => b.end - a.end || b.start - a.start)) {
    const step = { node, from: Math.max(node.start, from), to: Math.min(node.end, to) };
    if (step.to <= step.from) continue;
    chosen.push(step);
    to = step.from;
  }
  return chosen;
}

/** Stages with the caller on the line that are not part of another one. */
function outermostOnLine(nodes: readonly Node[]): Node[] {
  const found: Node[] = [];
  for (let index = 0; index < nodes.length;) {
    const node = nodes[index] as Node;
    const onLine = node.stage !== null && hasCaller(node.stage);
    if (onLine) found.push(node);
    index = onLine ? Math.max(node.next, index + 1) : index + 1;
  }
  return found;
}
