import { changed, duration, ICellSettings, shown } from '../options';
import type { Options } from '../../api';

const NONE: Options = {
  gpu: 0, gpu_resource: 'nvidia.com/gpu', cpu: null, memory: null, disk: null, image: null, node: {}, retries: 0,
  timeout: null, cache: true, env: {}, secrets: [], each: null, gather: false, metrics: [], artifacts: []
}; // prettier-ignore

const cell = (id: string, tags: string[] = [], nb2flow: Record<string, unknown> | null = null): ICellSettings => ({
  id,
  tags,
  nb2flow
});

describe('a setting that is typed', () => {
  it('goes to the metadata of the first cell, and the tag that said it goes', () => {
    expect(changed('memory', '16Gi', [cell('a', ['step:x']), cell('b', ['memory:2Gi', 'mine'])])).toEqual([
      { id: 'a', tags: null, nb2flow: { memory: '16Gi' } },
      { id: 'b', tags: ['mine'], nb2flow: undefined }
    ]);
  });

  it('is taken away when the field is emptied, and leaves no empty mapping', () => {
    expect(changed('gpu', '', [cell('a', [], { gpu: 1 })])).toEqual([{ id: 'a', tags: null, nb2flow: null }]);
    expect(changed('gpu', '', [cell('a', [], { gpu: 1, step: 'x' })])).toEqual([
      { id: 'a', tags: null, nb2flow: { step: 'x' } }
    ]);
  });

  it('is a number, a list or a flag where the language has one', () => {
    expect(changed('retries', '2', [cell('a')])[0].nb2flow).toEqual({ retries: 2 });
    expect(changed('after', 'load, split', [cell('a')])[0].nb2flow).toEqual({ after: ['load', 'split'] });
    expect(changed('metric', 'error, loss', [cell('a', ['metric:error'])])[0]).toEqual({
      id: 'a',
      tags: [],
      nb2flow: { metric: ['error', 'loss'] }
    });
    expect(changed('cache', 'off', [cell('a')])[0].nb2flow).toEqual({ cache: false });
    expect(changed('gpu', 'nvidia.com/mig-1g.5gb:1', [cell('a')])[0].nb2flow).toEqual({
      gpu: 'nvidia.com/mig-1g.5gb:1'
    });
  });

  it('changes nothing when it was so already', () => {
    expect(changed('memory', '2Gi', [cell('a', [], { memory: '2Gi' })])).toEqual([]);
  });

  it('leaves what Kale’s limits say of other things', () => {
    expect(changed('gpu', '', [cell('a', ['limit:cpu:2', 'limit:nvidia.com/gpu:1'])])).toEqual([
      { id: 'a', tags: ['limit:cpu:2'], nb2flow: undefined }
    ]);
  });
});

describe('a setting that is shown', () => {
  it('is empty when nothing is asked for', () => {
    expect(shown('gpu', NONE, [])).toBe('');
    expect(shown('timeout', NONE, [])).toBe('');
    expect(shown('artifact', NONE, [])).toBe('');
    expect(shown('cache', NONE, [])).toBe('');
  });

  it('is as one would type it', () => {
    expect(shown('gpu', { ...NONE, gpu: 2 }, [])).toBe('2');
    expect(shown('gpu', { ...NONE, gpu: 1, gpu_resource: 'nvidia.com/mig-1g.5gb' }, [])).toBe(
      'nvidia.com/mig-1g.5gb:1'
    );
    expect(shown('timeout', { ...NONE, timeout: 5400 }, [])).toBe('1h30m');
    expect(shown('after', NONE, [cell('a', ['after:x'], { after: ['x', 'y'] })])).toBe('x, y');
  });

  it('has a time in the tag language', () => {
    expect([0, 45, 90, 3600, 7325].map(duration)).toEqual(['0s', '45s', '1m30s', '1h', '2h2m5s']);
  });
});
