import { active, plain, span, taken } from '../words';

describe('words', () => {
  it('tell times shortly', () => {
    expect([null, 0.44, 12.4, 130, 7500].map(span)).toEqual(['', '0.4 s', '12 s', '2 min', '2 h 5 min']);
  });

  it('tell what a step took, if it has ended', () => {
    expect(taken({ seconds: 2, started_at: 1, ended_at: 9 })).toBe(2);
    expect(taken({ seconds: null, started_at: 1, ended_at: 9 })).toBe(8);
    expect(taken({ seconds: null, started_at: null, ended_at: null })).toBeNull();
  });

  it('drop colours of terminals', () => {
    expect(plain('\u001b[0;31mno\u001b[0m')).toBe('no');
  });

  it('know what may still change', () => {
    expect(active('retrying')).toBe(true);
    expect(active('interrupted')).toBe(false);
  });
});
