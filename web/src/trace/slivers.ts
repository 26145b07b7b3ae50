/** What of a lane is drawn where it holds more spans than the screen has pixels. */

import type { Axis } from './axis';
import type { Node } from './model';

/** The least a bar takes, in pixels. */
const SLIVER = 3;
/** What a sliver has to add to those before it. */
const LEAST = 2;
/** From here on, slivers that touch each other are one strip: told apart, they would be a wall. */
export const CROWD = 24;

export interface Drawn {
  x: number;
  width: number;
  /** Of a strip, the longest. */
  node: Node;
  /** More than one are a strip. */
  members: readonly Node[];
}

/** Bars and strips from left to right; `nodes` are in order of their start. */
export function drawnOf(nodes: readonly Node[], axis: Axis): Drawn[] {
  const drawn: Drawn[] = [];
  let touching: Drawn[] = [];
  let [painted, edge] = [-1, -1];

  const draw = (one: Drawn) => {
    if (one.width <= SLIVER && one.x + one.width < painted + LEAST) return;
    painted = Math.max(painted, one.x + one.width);
    drawn.push(one);
  };
  const part = () => {
    const [first] = touching;
    if (first && edge - first.x >= CROWD) {
      const members = touching.map(({ node }) => node);
      const node = members.reduce((longest, one) => (one.duration > longest.duration ? one : longest));
      draw({ x: first.x, width: edge - first.x, node, members });
    } else touching.forEach(draw);
    touching = [];
  };

  for (const node of nodes) {
    if (node.end < axis.from || node.start > axis.to) continue;
    const x = axis.x(node.start);
    const width = Math.max(SLIVER, axis.x(node.end) - x);
    const one = { x, width, node, members: [node] };
    if (width > SLIVER || x > edge + 1) part();
    if (width > SLIVER) draw(one);
    else {
      touching.push(one);
      edge = x + width;
    }
  }
  part();
  return drawn;
}
