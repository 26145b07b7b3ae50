/** Spans -> one tree in drawing order. Times are nanoseconds since the first span began. */

import type { Span, Stage } from '../api/types';
import { durationOf, parseNanos } from '../time';
import { agentNames, flowOf, lookUp } from './attributes';
import { Outlined } from './outline';
import { ancestorsOf, byStart, linkParents, type Placement } from './parents';
import { correct, skews } from './skew';
import { isStage, knownStage, workTone, type Tone } from './stages';

export interface Node {
  /** Stays the same from one answer to the next, and safe in an address. */
  key: string;
  span: Span;
  start: number;
  end: number;
  duration: number;
  stage: Stage | null;
  tone: Tone;
  /** How the span came under its parent; null when trace context said so. */
  placement: Placement;
  depth: number;
  parent: Node | null;
  children: Node[];
  /** Index behind the last span below this one. */
  next: number;
}

export interface Model {
  startNs: bigint;
  length: number;
  /** Preorder: a parent stands before what is below it. */
  nodes: Node[];
  byKey: Map<string, Node>;
  rejoined: number;
  errors: number;
  running: boolean;
  /** Names of agents by their ids. */
  agents: ReadonlyMap<string, string>;
  /** How far clocks seem to be behind, by span, as the spans were sent. */
  skew: ReadonlyMap<Node, number>;
}

const made = new WeakMap<readonly Span[], Model>();

/** The model of spans as they were sent, made once for each answer. */
export function modelOf(spans: readonly Span[]): Model {
  const known = made.get(spans);
  if (known) return known;
  const model = buildModel(spans);
  made.set(spans, model);
  return model;
}

/** `corrected` sets clocks right where they contradict each other; otherwise times stay as they were sent. */
export function buildModel(spans: readonly Span[], corrected = false): Model {
  const [startNs, starts] = startsOf(spans);
  const all = spans.map((span, index) => newNode(span, starts[index] ?? 0));
  const roots = linkParents(all);
  let nodes = preorder(roots);
  const skew = skews(nodes);
  if (corrected && skew.size > 0) {
    correct(nodes, skew);
    for (const { children } of nodes) children.sort(byStart);
    nodes = preorder(roots);
  }
  paint(nodes);
  return {
    startNs,
    length: all.reduce((last, { end }) => Math.max(last, end), 0),
    nodes,
    byKey: keyed(nodes),
    rejoined: nodes.filter(({ placement }) => placement === 'rejoined').length,
    errors: nodes.filter(isError).length,
    running: nodes.some(({ span }) => !span.finished),
    agents: agentNames(spans),
    skew,
  };
}

export const isError = (node: Node): boolean => node.span.status.code === 'error';

/** What is on screen when some spans are folded. */
export function visibleNodes(nodes: readonly Node[], folded: ReadonlySet<string>): Node[] {
  const shown: Node[] = [];
  for (let index = 0; index < nodes.length;) {
    const node = nodes[index] as Node;
    shown.push(node);
    index = folded.has(node.key) ? Math.max(node.next, index + 1) : index + 1;
  }
  return shown;
}

/** Whose a stage or a leg of the call was: an agent, a queue, a flow; null for work. */
export function ownerOf({ span, stage, tone }: Node, agents: ReadonlyMap<string, string>): string | null {
  if (!stage && tone !== 'call') return null;
  const agent = lookUp(span, 'interaction.agent.id');
  if (agent !== null) return agents.get(agent) ?? agent;
  return lookUp(span, 'interaction.queue.name') ?? flowOf(span);
}

/** Time in which no child was running. */
export function selfTime(node: Node): number {
  let [busy, until] = [0, node.start];
  for (const child of node.children) {
    const [from, to] = [Math.max(child.start, until), Math.min(child.end, node.end)];
    if (to > from) busy += to - from;
    until = Math.max(until, to);
  }
  return node.duration - busy;
}

/** When the first span began, and how long after it each one did. */
function startsOf(spans: readonly Span[]): [bigint, number[]] {
  const [some] = spans;
  if (some instanceof Outlined && spans.every((span) => span instanceof Outlined)) {
    const first = spans.reduce((least, { offset }) => Math.min(least, offset), some.offset);
    return [parseNanos(some.start_ns) - BigInt(some.offset - first), spans.map(({ offset }) => offset - first)];
  }
  const starts = spans.map((span) => parseNanos(span.start_ns));
  const first = starts.reduce((least, one) => (one < least ? one : least), starts[0] ?? 0n);
  return [first, starts.map((one) => Number(one - first))];
}

function newNode(span: Span, start: number): Node {
  const duration = span instanceof Outlined ? span.duration : Math.max(0, durationOf(span.duration_ns));
  return {
    key: `${span.trace_id}.${span.span_id}`,
    span,
    start,
    duration,
    end: start + duration,
    stage: knownStage(span.stage),
    tone: 'http',
    placement: null,
    depth: 0,
    parent: null,
    children: [],
    next: 0,
  };
}

function preorder(roots: readonly Node[]): Node[] {
  const nodes: Node[] = [];
  const open: Node[] = [];
  const stack = roots.toReversed();
  for (let node = stack.pop(); node; node = stack.pop()) {
    while (open.length > 0 && open.at(-1) !== node.parent) (open.pop() as Node).next = nodes.length;
    node.depth = open.length;
    nodes.push(node);
    open.push(node);
    for (let child = node.children.length - 1; child >= 0; child--) stack.push(node.children[child] as Node);
  }
  for (const node of open) node.next = nodes.length;
  return nodes;
}

/** Colours follow the stage; below a stage, how many services lie between. A stage's own steps keep its colour. */
function paint(nodes: readonly Node[]) {
  const above = new Map<Node, number>();
  const aroundStages = ancestorsOf(nodes.filter(({ stage }) => stage));
  for (const node of nodes) {
    const { parent, span } = node;
    const sameService = parent?.span.service === span.service;
    const work = workTone(span, 0);
    if (node.stage) node.tone = node.stage;
    else if (aroundStages.has(node)) node.tone = 'call';
    else if (parent?.tone === 'call' && sameService && span.kind === 'internal' && work !== 'db') node.tone = 'call';
    else if (parent && isStage(parent.tone) && sameService && span.kind === 'internal' && work !== 'db')
      node.tone = parent.tone;
    else {
      const hops =
        !parent || isStage(parent.tone) || parent.tone === 'call'
          ? 0
          : (above.get(parent) ?? 0) + (sameService ? 0 : 1);
      above.set(node, hops);
      node.tone = workTone(span, hops);
    }
  }
}

/** A client and a server may share one span id: the later ones get a suffix. */
function keyed(nodes: readonly Node[]): Map<string, Node> {
  const byKey = new Map<string, Node>();
  for (const node of nodes) {
    const base = node.key;
    for (let copy = 2; byKey.has(node.key); copy++) node.key = `${base}.${copy}`;
    byKey.set(node.key, node);
  }
  return byKey;
}
