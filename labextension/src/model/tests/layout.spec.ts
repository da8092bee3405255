import { arranged, fitting, HEIGHT, WIDTH } from '../../components/layout';
import type { IGraph } from '../graph';

/** A graph of these steps and arrows. */
function graphOf(steps: string[], arrows: [string, string][]): IGraph {
  return {
    nodes: steps.map(id => ({ id })),
    edges: arrows.map(([source, target]) => ({ id: `${source}>${target}`, source, target }))
  } as unknown as IGraph;
}

const eight = [...'abcdefgh'];
const fan = graphOf(
  ['load', ...eight, 'best'],
  [...eight.map((id): [string, string] => ['load', id]), ...eight.map((id): [string, string] => [id, 'best'])]
);

describe('layout', () => {
  it.each([true, false])('makes rows of many steps side by side, and no two boxes overlap (wide: %s)', wide => {
    for (const graph of [fan, graphOf(eight, [])]) {
      const places = [...arranged(graph, wide, 3).values()];
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
    const places = arranged(fan, false, 3);
    const y = (id: string): number => places.get(id)?.y ?? NaN;
    expect(y('load')).toBeLessThan(Math.min(...eight.map(y)));
    expect(y('best')).toBeGreaterThan(Math.max(...eight.map(y)));
  });

  it('fits three boxes at least, and more where there is room', () => {
    expect(fitting(380, 500, false)).toBe(3);
    expect(fitting(900, 900, false)).toBeGreaterThan(5);
  });
});
