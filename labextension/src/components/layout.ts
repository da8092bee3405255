// Where the boxes of a graph go, and the ways of its arrows. Part of the canvas, loaded with it.

import { graphlib, layout } from '@dagrejs/dagre';
import type { IGraph } from '../model/graph';

export const WIDTH = 136;
export const HEIGHT = 42;

const BESIDE = 10;
const BETWEEN = 48;
/** Between two rows of one rank: an arrow's tip, and room for a label. */
const ROWS = 28;
/** From a way to the boxes that it passes. */
const CLEAR = BESIDE / 2;

export interface IPoint {
  x: number;
  y: number;
}

/** The upper left corner of each box, by step; and for each arrow the points that it comes by between its ends. */
export interface IArranged {
  places: Map<string, IPoint>;
  ways: Map<string, IPoint[]>;
}

/** How many boxes stand side by side in a panel of this size and can still be read. */
export function fitting(width: number, height: number, wide: boolean): number {
  const smallest = 0.75;
  return wide
    ? Math.max(4, Math.floor(height / smallest / (HEIGHT + BESIDE)))
    : Math.max(3, Math.floor(width / smallest / (WIDTH + BESIDE)));
}

/** Draw downwards, or to the right in a wide panel. Of more than `most` boxes side by side several rows are made: better
    than one row that is too small to be read. No arrow comes by behind a box, as if it began or ended there. */
export function arranged(graph: IGraph, wide: boolean, most: number): IArranged {
  const places = drawn(graph, wide);
  const ranks = new Map<number, string[]>();
  for (const { id } of graph.nodes) {
    const { x, y } = places.get(id) as IPoint;
    const rank = Math.round(wide ? x : y);
    ranks.set(rank, [...(ranks.get(rank) ?? []), id]);
  }
  const inOrder = [...ranks].sort(([a], [b]) => a - b).map(([, rank]) => rank);
  const rows = inOrder.every(rank => rank.length <= most) ? inOrder : stacked(inOrder, graph, places, wide, most);
  return { places, ways: waysOf(graph, places, rows, wide) };
}

/** Put ranks that are too wide into several rows; gives all rows in order. */
function stacked(
  ranks: string[][],
  graph: IGraph,
  places: Map<string, IPoint>,
  wide: boolean,
  most: number
): string[][] {
  const step = (wide ? HEIGHT : WIDTH) + BESIDE;
  const rows: string[][] = [];
  let along = 0;
  for (const rank of ranks) {
    const across = (id: string): number => places.get(id)?.[wide ? 'y' : 'x'] ?? 0;
    if (rank.length <= most) {
      rank.sort((a, b) => across(a) - across(b)); // otherwise they stay as the notebook has them
    }
    const lines = Math.ceil(rank.length / most);
    const each = Math.ceil(rank.length / lines);
    for (let line = 0; line < lines; line += 1) {
      const row = rank.slice(line * each, (line + 1) * each);
      // Boxes of a row stand before the gaps of the row above, so that its arrows go straight on.
      const shift = graph.edges.length > 0 && (line + each - row.length) % 2 ? 0.5 : 0;
      row.forEach((id, index) => {
        const beside = (index - (row.length - 1) / 2 + shift) * step;
        places.set(id, wide ? { x: along, y: beside } : { x: beside, y: along });
      });
      rows.push(row);
      along += (wide ? WIDTH : HEIGHT) + (line < lines - 1 ? ROWS : BETWEEN);
    }
  }
  return rows;
}

/** Between source and target, arrows go through the gaps of the rows that lie there. */
function waysOf(graph: IGraph, places: Map<string, IPoint>, rows: string[][], wide: boolean): Map<string, IPoint[]> {
  const [size, depth] = wide ? [HEIGHT, WIDTH] : [WIDTH, HEIGHT];
  const across = (id: string): number => (places.get(id)?.[wide ? 'y' : 'x'] ?? 0) + size / 2;
  const along = (id: string): number => places.get(id)?.[wide ? 'x' : 'y'] ?? 0;
  const rowOf = new Map(rows.flatMap((row, number) => row.map(id => [id, number])));
  const boxes = rows.map(row => row.map(across).sort((a, b) => a - b));
  return new Map(
    graph.edges.map(({ id, source, target }) => {
      const [from, to] = [along(source) + depth, along(target)];
      const way: IPoint[] = [];
      for (let row = (rowOf.get(source) ?? 0) + 1; row < (rowOf.get(target) ?? 0); row += 1) {
        const top = along(rows[row][0]);
        const part = (top + depth / 2 - from) / (to - from);
        const straight = across(source) + part * (across(target) - across(source));
        const free = gap(boxes[row], straight, size / 2 + CLEAR);
        way.push(...[top - CLEAR, top + depth + CLEAR].map(at => (wide ? { x: at, y: free } : { x: free, y: at })));
      }
      return [id, way] as const;
    })
  );
}

/** The free place nearest to `wanted` in a row of boxes with these centres, each with that much to its either side. */
function gap(centres: number[], wanted: number, half: number): number {
  const edges = [-Infinity, ...centres.flatMap(centre => [centre - half, centre + half]), Infinity];
  let best = Infinity;
  for (let k = 0; k < edges.length; k += 2) {
    const [low, high] = [edges[k], edges[k + 1]];
    const place = Math.min(Math.max(wanted, low), high);
    if (high >= low - 0.5 && Math.abs(place - wanted) < Math.abs(best - wanted)) {
      best = place;
    }
  }
  return best;
}

/** The line through these points as an SVG path: straight where it comes by boxes, curved between; and its middle. */
export function curve(points: IPoint[], wide: boolean): { path: string; middle: IPoint } {
  const parts = [`M${points[0].x},${points[0].y}`];
  points.slice(1).forEach((b, index) => {
    const a = points[index];
    const half = wide ? (a.x + b.x) / 2 : (a.y + b.y) / 2;
    const [one, two] = wide ? [`${half},${a.y}`, `${half},${b.y}`] : [`${a.x},${half}`, `${b.x},${half}`];
    parts.push(`C${one} ${two} ${b.x},${b.y}`);
  });
  const last = Math.floor(points.length / 2);
  const [a, b] = [points[last - 1], points[last]];
  return { path: parts.join(' '), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
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
