import type { CallPath, Standing } from '../api/calls';
import type { Span } from '../api/types';
import { router } from '../router.svelte';
import { boundariesOf, buildAxis, type Axis } from './axis';
import { causeOf, type Cause } from './cause';
import { criticalPath, pathFrom } from './critical';
import { findSpans, newSpans } from './find';
import { lanesOf } from './lanes';
import { parseWindow, windowText } from './window';
import { getSpan } from '../api/client';
import { isOutlined } from './outline';
import { buildModel, modelOf, visibleNodes, type Node } from './model';

export const TABS = ['lanes', 'waterfall', 'ladder', 'events'] as const;
export type Tab = (typeof TABS)[number];

/** Everything the parts of one trace picture share. What is worth a link lives in the address. */
export class TraceView {
  spans = $state.raw<readonly Span[]>([]);
  /** When the spans came: a parent that is missing now may still come. */
  #nowNs = $derived.by(() => (void this.spans, BigInt(Date.now()) * 1_000_000n));
  /** What the server worked out; null where it did not. */
  path = $state.raw<CallPath | null>(null);
  percentiles = $state.raw<ReadonlyMap<string, Standing>>(new Map());
  /** Of the time line in pixels; 0 until it is measured, so that nothing is laid out twice. */
  width = $state(0);
  folded = $state.raw<ReadonlySet<string>>(new Set());
  opened = $state.raw<ReadonlySet<number>>(new Set());
  /** How many outlined spans were asked for since. */
  filled = $state(0);
  /** The row that keys move. */
  active = $state<string | null>(null);
  hoverTime = $state<number | null>(null);
  hoverKey = $state<string | null>(null);
  /** What is looked for in this picture. */
  words = $state('');

  #query = $derived(new URLSearchParams(router.search));
  corrected = $derived(this.#query.get('skew') === 'corrected');
  model = $derived(this.corrected ? buildModel(this.spans, true) : modelOf(this.spans));
  outlined = $derived(isOutlined(this.spans));
  /** As the spans were sent, whether set right or not. */
  skew = $derived(modelOf(this.spans).skew);
  lanes = $derived(lanesOf(this.model));
  stages = $derived(this.model.nodes.filter(({ stage }) => stage));
  critical = $derived((this.path && !this.corrected && pathFrom(this.model, this.path)) || criticalPath(this.model));
  found = $derived(findSpans(this.model.nodes, this.words));
  foundKeys = $derived(new Set(this.found.map(({ key }) => key)));
  #kinds = $derived(this.#query.get('new'));
  /** What side A of a comparison has nothing like; null where none led here. */
  fresh = $derived(this.#kinds === null ? null : newSpans(this.model.nodes, this.#kinds));
  rows = $derived(visibleNodes(this.model.nodes, this.folded));

  tab = $derived.by<Tab>(() => {
    const asked = TABS.find((one) => one === this.#query.get('tab')) ?? 'lanes';
    return asked === 'lanes' && this.lanes.length === 0 ? 'waterfall' : asked;
  });
  compress = $derived(this.#query.get('gaps') !== 'off');
  showCritical = $derived(this.#query.get('path') !== 'off' && this.critical.steps.length > 0);
  window = $derived(parseWindow(this.#query.get('window'), this.model.length));
  selected = $derived(this.#find(this.#query.get('span')));

  #boundaries = $derived(boundariesOf(this.model.nodes));
  axis: Axis = $derived(
    buildAxis(this.#boundaries, {
      width: this.width || 800,
      from: this.window?.[0] ?? 0,
      to: this.window?.[1] ?? this.model.length,
      compress: this.compress,
      opened: this.opened,
    }),
  );

  select(node: Node | null) {
    if (node) this.active = node.key;
    router.amend({ span: node ? node.key : null });
  }

  /** Without a stage there are no lanes to show. */
  tabs = $derived(TABS.filter((tab) => tab !== 'lanes' || this.lanes.length > 0));

  setTab(tab: Tab) {
    if (!this.tabs.includes(tab)) return;
    router.amend({ tab: tab === (this.lanes.length > 0 ? 'lanes' : 'waterfall') ? null : tab });
  }

  toggleSkew() {
    router.amend({ skew: this.corrected ? null : 'corrected' });
  }

  /** How far the clock of a span is behind its caller's; 0 where nothing tells. */
  skewOf({ key }: Node): number {
    for (const [node, by] of this.skew) if (node.key === key) return by;
    return 0;
  }

  /** Asks for what is on a span of which only the outline is known. */
  async fill(node: Node): Promise<void> {
    const { trace_id, span_id, service, kind } = node.span;
    const { spans } = await getSpan(trace_id, span_id);
    const found = spans.find((one) => one.service === service && one.kind === kind);
    if (!found) return;
    node.span = found;
    this.filled++;
  }

  /** Spans that are here by what links to them. */
  #linked = $derived.by(() => {
    const found = new Map<string, Node[]>();
    for (const node of this.model.nodes)
      for (const { trace_id, span_id } of node.span.links) {
        const key = `${trace_id}.${span_id}`;
        found.set(key, [...(found.get(key) ?? []), node]);
      }
    return found;
  });

  linksTo({ span }: Node): readonly Node[] {
    return this.#linked.get(`${span.trace_id}.${span.span_id}`) ?? [];
  }

  /** Spans that are here are shown where they stand; others are a page away. */
  linkTarget(trace: string, span: string): Node | null {
    return this.model.byKey.get(`${trace}.${span}`) ?? null;
  }

  percentileOf({ span }: Node): Standing | undefined {
    return this.percentiles.get(`${span.trace_id}.${span.span_id}`);
  }

  causeOf(node: Node): Cause | null {
    return node.placement ? causeOf(node, this.#nowNs) : null;
  }

  toggleGaps() {
    this.opened = new Set();
    router.amend({ gaps: this.compress ? 'off' : null });
  }

  toggleCritical() {
    router.amend({ path: this.showCritical ? 'off' : null });
  }

  toggleGap(from: number) {
    this.opened = toggled(this.opened, from);
  }

  /** The whole call needs no word in the address. */
  setWindow(from: number, to: number) {
    const whole = from <= 0 && to >= this.model.length;
    router.amend({ window: whole ? null : windowText(from, to) });
  }

  fold(node: Node, closed = !this.folded.has(node.key)) {
    if (node.children.length === 0 || this.folded.has(node.key) === closed) return;
    this.folded = toggled(this.folded, node.key);
    if (closed && this.active !== null && !this.rows.some(({ key }) => key === this.active)) this.active = node.key;
  }

  foldAll() {
    const parents = this.model.nodes.filter(({ children }) => children.length > 0);
    this.folded = this.folded.size > 0 ? new Set() : new Set(parents.map(({ key }) => key));
  }

  /** Opens every fold above a span, so that it can be shown. */
  reveal(node: Node) {
    const open = new Set(this.folded);
    for (let above = node.parent; above; above = above.parent) open.delete(above.key);
    if (open.size !== this.folded.size) this.folded = open;
  }

  /** The first below the active one, else the first of all. */
  next(wanted: (node: Node) => boolean): Node | null {
    const { nodes } = this.model;
    const at = nodes.findIndex(({ key }) => key === this.active);
    return nodes.slice(at + 1).find(wanted) ?? nodes.find(wanted) ?? null;
  }

  nextNew = (): Node | null => this.next((node) => this.fresh?.has(node) ?? false);

  /** An address may name a span by its whole key or, coming from a link, by its span id alone. */
  #find(wanted: string | null): Node | null {
    if (!wanted) return null;
    return this.model.byKey.get(wanted) ?? this.model.nodes.find(({ span }) => span.span_id === wanted) ?? null;
  }
}

function toggled<T>(set: ReadonlySet<T>, item: T): Set<T> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}
