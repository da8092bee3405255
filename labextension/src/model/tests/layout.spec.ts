import { arranged, curve, fitting, HEIGHT, IPoint, WIDTH } from '../../components/layout';
import type { IGraph } from '../graph';

/** A graph of these steps and arrows. */
function graphOf(steps: string[], arrows: [string, string][]): IGraph {
  return {
    nodes: steps.map(id => ({ id })),
    edges: arrows.map(([source, target]) => ({ id: `${source}>${target}`, source, target }))
  } as unknown as IGraph;
}

function exit(places: Map<string, IPoint>, id: string, wide: boolean): IPoint {
  const { x, y } = places.get(id) as IPoint;
  return wide ? { x: x + WIDTH, y: y + HEIGHT / 2 } : { x: x + WIDTH / 2, y: y + HEIGHT };
}

function entry(places: Map<string, IPoint>, id: string, wide: boolean): IPoint {
  const { x, y } = places.get(id) as IPoint;
  return wide ? { x, y: y + HEIGHT / 2 } : { x: x + WIDTH / 2, y };
}

/** Points of a path of cubic curves. */
function sampled(path: string): IPoint[] {
  const points = [...path.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
  const found: IPoint[] = [];
  for (let k = 0; k + 3 < points.length; k += 3) {
    const [a, b, c, d] = points.slice(k, k + 4);
    for (let t = 0; t <= 1; t += 0.02) {
      const at = (axis: 'x' | 'y'): number =>
        (1 - t) ** 3 * a[axis] + 3 * (1 - t) ** 2 * t * b[axis] + 3 * (1 - t) * t ** 2 * c[axis] + t ** 3 * d[axis];
      found.push({ x: at('x'), y: at('y') });
    }
  }
  return found;
}

const eight = [...'abcdefgh'];
const fan = graphOf(
  ['load', ...eight, 'best'],
  [...eight.map((id): [string, string] => ['load', id]), ...eight.map((id): [string, string] => [id, 'best'])]
);

describe('layout', () => {
  it.each([true, false])('makes rows of many steps side by side, and no two boxes overlap (wide: %s)', wide => {
    for (const graph of [fan, graphOf(eight, [])]) {
      const places = [...arranged(graph, wide, 3).places.values()];
      const across = places.map(at => (wide ? at.y : at.x));
      const room = 3 * ((wide ? HEIGHT : WIDTH) + 10);
      expect(Math.max(...across) - Math.min(...across)).toBeLessThanOrEqual(room);
      places.forEach((a, i) =>
        places.slice(i + 1).forEach(b => {
          expect(Math.abs(a.x - b.x) >= WIDTH || Math.abs(a.y - b.y) >= HEIGHT).toBe(true);
        })
      );
    }
  });

  it('keeps the order of what depends on each other', () => {
    const { places } = arranged(fan, false, 3);
    const y = (id: string): number => places.get(id)?.y ?? NaN;
    expect(y('load')).toBeLessThan(Math.min(...eight.map(y)));
    expect(y('best')).toBeGreaterThan(Math.max(...eight.map(y)));
  });

  it.each([true, false])('lets no arrow come by behind a box (wide: %s)', wide => {
    const skips = [...fan.edges.map(e => [e.source, e.target] as [string, string]), ['load', 'best'], ['load', 'end']];
    const long = graphOf(['load', ...eight, 'best', 'end'], [...skips, ['best', 'end'], ['a', 'end']] as never);
    const few = graphOf(
      ['load', 'a', 'b', 'best'],
      [
        ['load', 'a'],
        ['a', 'b'],
        ['b', 'best'],
        ['load', 'best']
      ]
    );
    for (const graph of [fan, long, few]) {
      for (const most of [2, 3, 4, 9]) {
        const { places, ways } = arranged(graph, wide, most);
        for (const { id, source, target } of graph.edges) {
          const { path } = curve(
            [exit(places, source, wide), ...(ways.get(id) ?? []), entry(places, target, wide)],
            wide
          );
          for (const [other, at] of places) {
            const hit = sampled(path).filter(
              ({ x, y }) => x > at.x + 1 && x < at.x + WIDTH - 1 && y > at.y + 1 && y < at.y + HEIGHT - 1
            );
            expect([id, most, other, hit]).toEqual([id, most, other, []]);
          }
        }
      }
    }
  });

  it('fits three boxes at least, and more where there is room', () => {
    expect(fitting(380, 500, false)).toBe(3);
    expect(fitting(900, 900, false)).toBeGreaterThan(5);
  });
});
