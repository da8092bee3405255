// What the tags of a cell say about its place in the flow, and how they are changed. Values in, values out: nothing here
// knows JupyterLab. Tags of the author's own pass through untouched and keep their order.

export type Role = 'step' | 'parameters' | 'setup' | 'skip';

/** What one cell is by its own tags: a step's name, or one of the bare roles. */
export interface IRole {
  kind: Role;
  name: string;
}

/** Tags to put on a cell and to take from it. */
export interface ITagChange {
  cell_id: string;
  add: string[];
  remove: string[];
}

const BARE: Record<string, Role> = {
  parameters: 'parameters',
  'pipeline-parameters': 'parameters',
  setup: 'setup',
  imports: 'setup',
  functions: 'setup',
  skip: 'skip',
  'skip-execution': 'skip'
};
const STEP = /^(step|block):(.*)$/;

/** The role that `tags` give to a cell; null when they give none. */
export function roleOf(tags: readonly string[]): IRole | null {
  for (const tag of tags) {
    const step = STEP.exec(tag);
    if (step) {
      return { kind: 'step', name: step[2] };
    }
  }
  for (const tag of tags) {
    if (tag in BARE) {
      return { kind: BARE[tag], name: '' };
    }
  }
  return null;
}

/** The tag that says `role`. */
export function tagOf(role: IRole): string {
  return role.kind === 'step' ? `step:${role.name}` : role.kind;
}

/** The change that gives a cell with `tags` the role (null: none); null when there is nothing to change. */
export function toRole(id: string, tags: readonly string[], role: IRole | null): ITagChange | null {
  const wanted = role ? tagOf(role) : null;
  const remove = tags.filter(tag => (STEP.test(tag) || tag in BARE) && tag !== wanted);
  const add = wanted && !tags.includes(wanted) ? [wanted] : [];
  return remove.length || add.length ? { cell_id: id, add, remove } : null;
}

/** The changes that give a step another name, in the cells that name it and in those that come `after:` it. */
export function renamed(
  cells: Iterable<{ id: string; tags: readonly string[] }>,
  from: string,
  to: string
): ITagChange[] {
  const changes: ITagChange[] = [];
  for (const { id, tags } of cells) {
    const remove = tags.filter(
      tag => /^(step|block|after|prev):/.test(tag) && label(tag.replace(/^\w+:/, '')) === from
    );
    if (remove.length) {
      const add = remove.map(tag => tag.replace(/:.*$/, `:${to}`));
      changes.push({ cell_id: id, add, remove });
    }
  }
  return changes;
}

/** `tags` after a change; what is replaced keeps its place. */
export function applied(tags: readonly string[], change: { add: string[]; remove: string[] }): string[] {
  const kept: string[] = [];
  const add = change.add.filter(tag => !tags.includes(tag) || change.remove.includes(tag));
  for (const tag of tags) {
    if (change.remove.includes(tag)) {
      const next = add.shift();
      if (next !== undefined) {
        kept.push(next);
      }
    } else {
      kept.push(tag);
    }
  }
  return [...kept, ...add];
}

/** A step's name as it will be: lower-case letters, digits and `-`, at most 63; empty when nothing of it can be used. */
export function label(text: string): string {
  const plain = text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '');
  return plain
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
}

/** A name that is not among `taken`: `name`, or `name-2`, … */
export function fresh(name: string, taken: readonly string[]): string {
  let candidate = name;
  for (let number = 2; taken.includes(candidate); number++) {
    candidate = `${name}-${number}`;
  }
  return candidate;
}

/** A name for a new step that begins with this code: its first comment, or the first thing it defines. */
export function guessName(source: string, number: number): string {
  const comment = /^\s*#+\s*([A-Za-z][^\n]{1,40})/.exec(source);
  const defined = /^\s*(?:def|class)\s+(\w+)|^\s*(\w+)\s*=(?!=)/m.exec(source);
  const words = comment ? comment[1].split(/\s+/).slice(0, 3).join(' ') : (defined?.[1] ?? defined?.[2] ?? '');
  return label(words) || `step-${number}`;
}
