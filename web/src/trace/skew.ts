/** Clocks that differ: a server cannot begin before its caller asked, nor end after the answer was there. */

import type { Node } from './model';

/** Less than this is how clocks are. */
const LEAST = 100_000;

/** How far each span's clock seems to be behind its caller's, in nanoseconds; spans without a sign of it are missing. */
export function skews(nodes: readonly Node[]): Map<Node, number> {
  const found = new Map<Node, number>();
  for (const node of nodes) {
    const { parent } = node;
    if (!parent) continue;
    const above = found.get(parent) ?? 0;
    const sameClock = parent.span.service === node.span.service;
    const by = sameClock ? above : isAnswer(node) ? offset(node, parent.start + above, parent.duration) : 0;
    if (by !== 0) found.set(node, by);
  }
  return found;
}

/** What a placed-by-guess server tells of clocks is a guess upon a guess. */
const isAnswer = ({ span, parent, placement }: Node) =>
  placement === null && span.kind === 'server' && parent?.span.kind === 'client';

/** Where the answer took longer than the question, the caller did not wait for it: then only the start tells. */
function offset(node: Node, start: number, duration: number): number {
  const early = start - node.start;
  const spare = duration - node.duration;
  const late = node.end - (start + duration);
  const outside = spare >= 0 ? Math.max(early, late) : early;
  if (outside < LEAST) return 0;
  return spare >= 0 ? Math.round(early + spare / 2) : early;
}

/** Sets the clocks right. The nodes are in preorder, parents first. */
export function correct(nodes: readonly Node[], by: ReadonlyMap<Node, number>) {
  for (const node of nodes) {
    const shift = by.get(node) ?? 0;
    node.start += shift;
    node.end += shift;
  }
}
