import { defaultText, given, mistake, valueOf } from '../parameters';
import type { Parameter } from '../../api';

const of = (type: Parameter['type'], value: unknown, source = ''): Parameter => ({
  name: 'p',
  type,
  default: value,
  source,
  line: 1
});

describe('parameters', () => {
  it('are shown as their defaults', () => {
    expect(defaultText(of('str', 'a b'))).toBe('a b');
    expect(defaultText(of('list', [1, 2]))).toBe('[1,2]');
    expect(defaultText(of('any', null, 'Path("x")'))).toBe('Path("x")');
  });

  it('are read by type', () => {
    expect(valueOf(of('int', 1), ' 12 ')).toBe(12);
    expect(valueOf(of('float', 1), '1e-3')).toBe(0.001);
    expect(valueOf(of('bool', true), 'False')).toBe(false);
    expect(valueOf(of('dict', {}), '{"a": 1}')).toEqual({ a: 1 });
    expect(valueOf(of('str', ''), ' x ')).toBe(' x ');
  });

  it('are refused in words when they do not fit', () => {
    expect(mistake(of('int', 1), '1.5')).toBe('p must be a whole number');
    expect(mistake(of('float', 1), '')).toBe('p must be a number');
    expect(mistake(of('dict', {}), '[1]')).toContain('a mapping');
    expect(mistake(of('list', []), '[1]')).toBe('');
  });

  it('are sent only where they differ', () => {
    expect(given([of('int', 1)], { p: '1' })).toEqual({});
    expect(given([of('int', 1)], {})).toEqual({});
    expect(given([of('int', 1)], { p: '2' })).toEqual({ p: 2 });
  });
});
