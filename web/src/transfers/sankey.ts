import type { TransferEdge } from '../api/types';

/** A flow diagram of two columns: from where on the left, to where on the right. A queue may stand on both sides. */
export interface Node {
  key: string;
  name: string;
  n: number;
  y: number;
  height: number;
}

export interface Ribbon {
  edge: TransferEdge;
  key: string;
  d: string;
  /** Where a name of the ribbon would stand. */
  y: number;
  height: number;
}

export interface Sankey {
  left: Node[];
  right: Node[];
  ribbons: Ribbon[];
  height: number;
}

const GAP = 14;
/** A node is at least as high as its name. */
const LEAST = 16;

export const sourceName = ({ from }: Pick<TransferEdge, 'from'>): string => from ?? 'no queue';
export const targetName = ({ to, to_kind }: Pick<TransferEdge, 'to' | 'to_kind'>): string =>
  to === null
    ? to_kind === 'unknown'
      ? 'unknown'
      : to_kind
    : to_kind === 'queue' || to.startsWith(to_kind)
      ? to
      : `${to_kind} ${to}`;
export const edgeKey = (edge: TransferEdge): string => `${sourceName(edge)}→${edge.to_kind}:${edge.to ?? ''}`;

/** Nodes as high as what goes through them; ribbons between, sorted so that they cross little. */
export function layout(edges: readonly TransferEdge[], start: number, end: number, wanted: number): Sankey {
  const left = grouped(edges, sourceName);
  const right = grouped(edges, targetName);
  const total = edges.reduce((sum, { n }) => sum + n, 0);
  const most = Math.max(left.length, right.length);
  const room = Math.max(60, wanted - GAP * most);
  const scale = total > 0 ? room / total : 0;
  const heights = [stacked(left, scale), stacked(right, scale)] as const;
  const height = Math.max(...heights);
  for (const [nodes, own] of [
    [left, heights[0]],
    [right, heights[1]],
  ] as const)
    for (const node of nodes) node.y += (height - own) / 2;

  const order = new Map(right.map(({ name }, index) => [name, index]));
  const [outOf, into] = [offsets(left), offsets(right)];
  const sorted = [...edges].sort(
    (x, y) => (order.get(targetName(x)) ?? 0) - (order.get(targetName(y)) ?? 0) || y.n - x.n,
  );
  const ribbons = sorted.map((edge) => {
    const h = Math.max(1, edge.n * scale);
    const y0 = take(outOf, sourceName(edge), h);
    const y1 = take(into, targetName(edge), h);
    return { edge, key: edgeKey(edge), d: ribbon(start, end, y0, y1, h), y: y0 + h / 2, height: h };
  });
  return { left, right, ribbons, height };
}

function grouped(edges: readonly TransferEdge[], nameOf: (edge: TransferEdge) => string): Node[] {
  const counts = new Map<string, number>();
  for (const edge of edges) counts.set(nameOf(edge), (counts.get(nameOf(edge)) ?? 0) + edge.n);
  return [...counts]
    .map(([name, n]) => ({ key: name, name, n, y: 0, height: 0 }))
    .sort((x, y) => y.n - x.n || (x.name < y.name ? -1 : 1));
}

/** Puts nodes below each other; returns the height they take. */
function stacked(nodes: Node[], scale: number): number {
  let y = 0;
  for (const node of nodes) {
    node.height = Math.max(LEAST, node.n * scale);
    node.y = y;
    y += node.height + GAP;
  }
  return Math.max(0, y - GAP);
}

const offsets = (nodes: readonly Node[]) => new Map(nodes.map(({ key, y }) => [key, y]));

function take(free: Map<string, number>, key: string, height: number): number {
  const y = free.get(key) ?? 0;
  free.set(key, y + height);
  return y;
}

function ribbon(x0: number, x1: number, y0: number, y1: number, h: number): string {
  const middle = ((x0 + x1) / 2).toFixed(1);
  const [a, b, c, d] = [y0, y1, y1 + h, y0 + h].map((y) => y.toFixed(1));
  return `M${x0} ${a}C${middle} ${a} ${middle} ${b} ${x1} ${b}V${c}C${middle} ${c} ${middle} ${d} ${x0} ${d}Z`;
}
