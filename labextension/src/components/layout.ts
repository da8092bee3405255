// Where the boxes of a graph go. Part of the canvas, loaded with it.

import { graphlib, layout } from '@dagrejs/dagre';
import type { IGraph } from '../model/graph';

export const WIDTH = 136;
export const HEIGHT = 42;

const BESIDE = 10;
const BETWEEN = 48;

interface IPoint {
  x: number;
  y: number;
}

/** How many boxes stand side by side in a panel of this size and can still be read. */
export function fitting(width: number, height: number, wide: boolean): number {
  const smallest = 0.75;
  return wide
    ? Math.max(4, Math.floor(height / smallest / (HEIGHT + BESIDE)))
    : Math.max(3, Math.floor(width / smallest / (WIDTH + BESIDE)));
}

/** The upper left corner of each box, by step; drawn downwards, or to the right in a wide panel. Of more than `most`
    boxes side by side several rows are made: better than one row that is too small to be read. */
export function arranged(graph: IGraph, wide: boolean, most: number): Map<string, IPoint> {
  const places = drawn(graph, wide);
  const ranks = new Map<number, string[]>();
  for (const { id } of graph.nodes) {
    const { x, y } = places.get(id) as IPoint;
    const rank = Math.round(wide ? x : y);
    ranks.set(rank, [...(ranks.get(rank) ?? []), id]);
  }
  if ([...ranks.values()].every(rank => rank.length <= most)) {
    return places;
  }
  let along = 0;
  for (const [, rank] of [...ranks].sort(([a], [b]) => a - b)) {
    const across = (id: string): number => places.get(id)?.[wide ? 'y' : 'x'] ?? 0;
    if (rank.length <= most) {
      rank.sort((a, b) => across(a) - across(b)); // otherwise they stay as the notebook has them
    }
    const lines = Math.ceil(rank.length / most);
    const each = Math.ceil(rank.length / lines);
    for (let line = 0; line < lines; line += 1) {
      const row = rank.slice(line * each, (line + 1) * each);
      row.forEach((id, index) => {
        const beside = index - (row.length - 1) / 2;
        const place = wide ? { x: along, y: beside * (HEIGHT + BESIDE) } : { x: beside * (WIDTH + BESIDE), y: along };
        places.set(id, place);
      });
      along += (wide ? WIDTH : HEIGHT) + (line < lines - 1 ? 2 * BESIDE : BETWEEN);
    }
  }
  return places;
}

function drawn(graph: IGraph, wide: boolean): Map<string, IPoint> {
  const drawing = new graphlib.Graph();
  drawing.setGraph({
    rankdir: wide ? 'LR' : 'TB',
    nodesep: wide ? 18 : BESIDE,
    ranksep: wide ? 80 : BETWEEN,
    marginx: 8,
    marginy: 8
  });
  drawing.setDefaultEdgeLabel(() => ({}));
  graph.nodes.forEach(node => drawing.setNode(node.id, { width: WIDTH, height: HEIGHT }));
  graph.edges.forEach(edge => drawing.setEdge(edge.source, edge.target));
  layout(drawing);
  return new Map(
    graph.nodes.map(({ id }) => {
      const { x, y } = drawing.node(id) as { x: number; y: number };
      return [id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
    })
  );
}
