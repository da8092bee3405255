import { applied, fresh, guessName, label, renamed, roleOf, toRole } from '../tags';

describe('the role of a cell', () => {
  it('is read from our tags and from Kale’s', () => {
    expect(roleOf(['mine', 'step:load'])).toEqual({ kind: 'step', name: 'load' });
    expect(roleOf(['block:train', 'prev:load'])).toEqual({ kind: 'step', name: 'train' });
    expect(roleOf(['imports'])).toEqual({ kind: 'setup', name: '' });
    expect(roleOf(['pipeline-parameters'])).toEqual({ kind: 'parameters', name: '' });
    expect(roleOf(['mine', 'gpu:1'])).toBeNull();
  });

  it('is changed by taking the old tag and putting the new one, and nothing else', () => {
    const tags = ['mine', 'step:load', 'gpu:1'];
    const change = toRole('c', tags, { kind: 'step', name: 'read' });
    expect(change).toEqual({ cell_id: 'c', add: ['step:read'], remove: ['step:load'] });
    expect(applied(tags, change!)).toEqual(['mine', 'step:read', 'gpu:1']);
    expect(toRole('c', tags, { kind: 'step', name: 'load' })).toBeNull();
    expect(applied(tags, toRole('c', tags, null)!)).toEqual(['mine', 'gpu:1']);
  });
});

describe('renaming a step', () => {
  it('changes every cell that names it, however spelt, and those that come after it', () => {
    const cells = [
      { id: 'a', tags: ['step:Load_Data'] },
      { id: 'b', tags: ['step:train', 'after:load-data'] },
      { id: 'c', tags: ['step:load-data-more'] }
    ];
    expect(renamed(cells, 'load-data', 'read')).toEqual([
      { cell_id: 'a', add: ['step:read'], remove: ['step:Load_Data'] },
      { cell_id: 'b', add: ['after:read'], remove: ['after:load-data'] }
    ]);
  });
});

describe('names', () => {
  it('become labels', () => {
    expect(label('Train the Model!')).toBe('train-the-model');
    expect(label('étape_1')).toBe('etape-1');
    expect(label('—')).toBe('');
    expect(label('x'.repeat(80))).toHaveLength(63);
  });

  it('are made fresh and guessed from the code', () => {
    expect(fresh('load', ['load', 'load-2'])).toBe('load-3');
    expect(guessName('# Load the data\nx = 1', 1)).toBe('load-the-data');
    expect(guessName('frame = read()', 1)).toBe('frame');
    expect(guessName('print(1)', 4)).toBe('step-4');
  });
});
