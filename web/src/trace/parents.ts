import type { Node } from './model';
import { isQuery } from './stages';

/**
 * How a span came to its place without trace context:
 * `rejoined` began a trace of its own and shares the interaction id; `orphan` names a parent that never arrived;
 * `cycle` was its own ancestor.
 */
export type Placement = null | 'rejoined' | 'orphan' | 'cycle';

const NONE: readonly Node[] = [];

/** Sets `parent`, `children` and `placement`; returns the roots in order of start. */
export function linkParents(nodes: readonly Node[]): Node[] {
  const byId = groupedById(nodes);
  for (const node of nodes) {
    const { trace_id, parent_span_id } = node.span;
    const candidates = (parent_span_id && byId.get(`${trace_id}.${parent_span_id}`)) || NONE;
    node.parent = clientOfSameId(node, byId.get(node.key) ?? NONE) ?? nearest(node, candidates);
    // A stage has its place by what it is; the span of the whole call often comes last.
    if (!node.parent && parent_span_id && !node.stage) node.placement = 'orphan';
  }
  cutCycles(nodes);
  placeByTime(nodes);
  for (const node of nodes) node.parent?.children.push(node);
  for (const node of nodes) if (node.children.length > 1) node.children.sort(byStart);
  return nodes.filter(({ parent }) => !parent).sort(byStart);
}

/** Everything above these. */
export function ancestorsOf(nodes: readonly Node[]): Set<Node> {
  const found = new Set<Node>();
  for (const { parent } of nodes) {
    for (let node = parent; node && !found.has(node); node = node.parent) found.add(node);
  }
  return found;
}

function groupedById(nodes: readonly Node[]): Map<string, Node[]> {
  const byId = new Map<string, Node[]>();
  for (const node of nodes) {
    const same = byId.get(node.key);
    if (same) same.push(node);
    else byId.set(node.key, [node]);
  }
  return byId;
}

const contains = (outer: Node, inner: Node) => outer.start <= inner.start && inner.end <= outer.end;
export const byStart = (a: Node, b: Node) => a.start - b.start || b.duration - a.duration;

/** B3 lets a server reuse its client's span id; then the server belongs below that client. */
function clientOfSameId(node: Node, sameId: readonly Node[]): Node | null {
  if (node.span.kind !== 'server') return null;
  return sameId.find((other) => other !== node && other.span.kind === 'client') ?? null;
}

function nearest(node: Node, candidates: readonly Node[]): Node | null {
  const [only] = candidates;
  if (candidates.length === 1) return only === node ? null : (only ?? null);
  const others = candidates.filter((other) => other !== node);
  return (
    others.find((other) => other.span.service === node.span.service) ??
    others.find((other) => other.span.kind === 'server') ??
    others[0] ??
    null
  );
}

/** Walks up from every span once; where a walk meets itself, the earliest span of the loop becomes a root. */
function cutCycles(nodes: readonly Node[]) {
  const done = new Set<Node>();
  for (const from of nodes) {
    const path: Node[] = [];
    const onPath = new Set<Node>();
    let node: Node | null = from;
    for (; node && !done.has(node) && !onPath.has(node); node = node.parent) {
      path.push(node);
      onPath.add(node);
    }
    if (node && onPath.has(node)) {
      const first = path.slice(path.indexOf(node)).reduce((a, b) => (byStart(b, a) < 0 ? b : a));
      first.parent = null;
      first.placement = 'cycle';
    }
    for (const seen of path) done.add(seen);
  }
}

/**
 * Application work that nothing leads to goes below the call that waited for an answer just then (its server side
 * began a new trace), else below the shortest stage it began in. Both are guesses by time, and marked as such.
 */
function placeByTime(nodes: readonly Node[]) {
  const stages = nodes.filter(({ stage }) => stage).sort((a, b) => a.duration - b.duration);
  const leadsToStage = ancestorsOf(stages);
  const answered = new Set(nodes.map(({ parent }) => parent));
  const unanswered = nodes
    .filter((node) => node.parent && node.span.kind === 'client' && !answered.has(node) && !isQuery(node.span))
    .sort((a, b) => a.duration - b.duration);
  for (const node of nodes) {
    if (node.parent || node.stage || leadsToStage.has(node)) continue;
    const home =
      unanswered.find((call) => contains(call, node) && call.span.service !== node.span.service) ??
      stages.find((stage) => contains(stage, node)) ??
      stages.find((stage) => stage.start <= node.start && node.start < stage.end);
    if (!home) continue;
    node.parent = home;
    node.placement ??= 'rejoined';
  }
}
