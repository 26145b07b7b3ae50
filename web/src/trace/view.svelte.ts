import type { Span } from '../api/types';
import { router } from '../router.svelte';
import { boundariesOf, buildAxis, type Axis } from './axis';
import { criticalPath } from './critical';
import { findSpans } from './find';
import { lanesOf } from './lanes';
import { parseWindow, windowText } from './window';
import { buildModel, isError, visibleNodes, type Node } from './model';

export type Tab = 'lanes' | 'waterfall';

/** Everything the parts of one trace picture share. What is worth a link lives in the address. */
export class TraceView {
  spans = $state.raw<readonly Span[]>([]);
  width = $state(800);
  folded = $state.raw<ReadonlySet<string>>(new Set());
  opened = $state.raw<ReadonlySet<number>>(new Set());
  /** The row that keys move. */
  active = $state<string | null>(null);
  hoverTime = $state<number | null>(null);
  hoverKey = $state<string | null>(null);
  /** What is looked for in this picture. */
  words = $state('');

  model = $derived(buildModel(this.spans));
  lanes = $derived(lanesOf(this.model));
  stages = $derived(this.model.nodes.filter(({ stage }) => stage));
  critical = $derived(criticalPath(this.model));
  found = $derived(findSpans(this.model.nodes, this.words));
  foundKeys = $derived(new Set(this.found.map(({ key }) => key)));
  rows = $derived(visibleNodes(this.model.nodes, this.folded));

  private query = $derived(new URLSearchParams(router.search));
  tab = $derived<Tab>(this.lanes.length === 0 || this.query.get('tab') === 'waterfall' ? 'waterfall' : 'lanes');
  compress = $derived(this.query.get('gaps') !== 'off');
  showCritical = $derived(this.query.get('path') !== 'off' && this.critical.steps.length > 0);
  window = $derived(parseWindow(this.query.get('window'), this.model.length));
  selected = $derived(this.find(this.query.get('span')));

  private boundaries = $derived(boundariesOf(this.model.nodes));
  axis: Axis = $derived(
    buildAxis(this.boundaries, {
      width: this.width,
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

  setTab(tab: Tab) {
    router.amend({ tab: tab === 'lanes' ? null : tab });
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

  nextError(): Node | null {
    const { nodes } = this.model;
    const at = nodes.findIndex(({ key }) => key === this.active);
    return nodes.slice(at + 1).find(isError) ?? nodes.find(isError) ?? null;
  }

  /** An address may name a span by its whole key or, coming from a link, by its span id alone. */
  private find(wanted: string | null): Node | null {
    if (!wanted) return null;
    return this.model.byKey.get(wanted) ?? this.model.nodes.find(({ span }) => span.span_id === wanted) ?? null;
  }
}

function toggled<T>(set: ReadonlySet<T>, item: T): Set<T> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}
