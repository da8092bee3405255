import type { RunReply, RunStep } from '../../api';
import { instancesOf } from '../graph';

const step = (name: string, of: string | null): RunStep =>
  ({ name, instance_of: of, status: 'succeeded' }) as unknown as RunStep;

describe('graph', () => {
  it('finds the instances of a step', () => {
    const steps = [step('list', null), step('count[0]', 'count'), step('count[1]', 'count'), step('count', null)];
    const run = { steps } as unknown as RunReply;
    expect(instancesOf('count', run).map(one => one.name)).toEqual(['count[0]', 'count[1]']);
    expect(instancesOf('list', run)).toEqual([]);
    expect(instancesOf('count', null)).toEqual([]);
  });
});
