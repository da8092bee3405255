// Where the boxes of a graph go. Part of the canvas, loaded with it.

import { graphlib, layout } from '@dagrejs/dagre';
import type { IGraph } from '../model/graph';

export const WIDTH = 136;
export const HEIGHT = 42;

/** The upper left corner of each box, by step; drawn downwards, or to the right in a wide panel. */
export function arranged(graph: IGraph, wide: boolean): Map<string, { x: number; y: number }> {
  const drawing = new graphlib.Graph();
  drawing.setGraph({
    rankdir: wide ? 'LR' : 'TB',
    nodesep: wide ? 18 : 10,
    ranksep: wide ? 80 : 48,
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
