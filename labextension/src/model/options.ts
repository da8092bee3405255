// The settings of a step as the form shows and writes them. They are written to the `nb2flow` key of the metadata of the
// step's first cell; a tag (on any cell of the step) that said the same thing goes, so that the two never differ.

import type { Options } from '../api';

export const FIELDS = [
  'gpu', 'cpu', 'memory', 'disk', 'image', 'retries', 'timeout', 'after', 'each', 'metric', 'artifact', 'secret', 'cache'
] as const; // prettier-ignore

export type Field = (typeof FIELDS)[number];

/** A step may have several of these. */
const MANY: readonly Field[] = ['after', 'metric', 'artifact', 'secret'];

/** The metadata entries and tag words that mean a field. */
const WORDS: Record<Field, { entries: string[]; tags: string[] }> = {
  gpu: { entries: ['gpu'], tags: ['gpu', 'limit'] },
  cpu: { entries: ['cpu'], tags: ['cpu'] },
  memory: { entries: ['memory'], tags: ['memory'] },
  disk: { entries: ['disk'], tags: ['disk'] },
  image: { entries: ['image'], tags: ['image'] },
  retries: { entries: ['retries'], tags: ['retries'] },
  timeout: { entries: ['timeout'], tags: ['timeout'] },
  after: { entries: ['after'], tags: ['after', 'prev'] },
  each: { entries: ['each'], tags: ['each'] },
  cache: { entries: ['cache'], tags: ['cache'] },
  metric: { entries: ['metric', 'metrics'], tags: ['metric'] },
  artifact: { entries: ['artifact', 'artifacts'], tags: ['artifact'] },
  secret: { entries: ['secret', 'secrets'], tags: ['secret'] }
};

/** One cell of a step, as far as settings go. */
export interface ICellSettings {
  id: string;
  tags: readonly string[];
  nb2flow: Record<string, unknown> | null;
}

/** What a cell's tags and `nb2flow` metadata become; only cells that change are told. */
export interface ISettingChange {
  id: string;
  tags: string[] | null;
  nb2flow: Record<string, unknown> | null | undefined;
}

/** The text that the form shows for a field; empty: nothing is asked for. */
export function shown(field: Field, options: Options, cells: readonly ICellSettings[]): string {
  switch (field) {
    case 'gpu':
      return options.gpu
        ? options.gpu_resource.endsWith('/gpu')
          ? `${options.gpu}`
          : `${options.gpu_resource}:${options.gpu}`
        : '';
    case 'retries':
      return options.retries ? `${options.retries}` : '';
    case 'timeout':
      return options.timeout === null ? '' : duration(options.timeout);
    case 'cache':
      return options.cache ? '' : 'off';
    case 'metric':
    case 'artifact':
    case 'secret':
      return options[`${field}s` as const].join(', ');
    case 'after':
      return ordered(cells).join(', ');
    default:
      return options[field] ?? '';
  }
}

/** The steps that the cells ask to come after, by tags or metadata. */
function ordered(cells: readonly ICellSettings[]): string[] {
  const names: string[] = [];
  for (const cell of cells) {
    names.push(...cell.tags.filter(tag => /^(after|prev):/.test(tag)).map(tag => tag.replace(/^\w+:/, '')));
    const entry = cell.nb2flow?.after;
    names.push(...(Array.isArray(entry) ? entry.map(String) : typeof entry === 'string' ? [entry] : []));
  }
  return [...new Set(names)];
}

/** The changes that set a field of the step with these cells (the first one is written to) to what was typed. */
export function changed(field: Field, text: string, cells: readonly ICellSettings[]): ISettingChange[] {
  const words = WORDS[field];
  const value = entryValue(field, text.trim());
  const changes: ISettingChange[] = [];
  cells.forEach((cell, index) => {
    const tags = cell.tags.filter(tag => !words.tags.includes(tag.split(':', 1)[0]) || !meant(field, tag));
    const entries = Object.fromEntries(
      Object.entries(cell.nb2flow ?? {}).filter(([key]) => !words.entries.includes(key))
    );
    if (index === 0 && value !== undefined) {
      entries[words.entries[0]] = value;
    }
    const had = JSON.stringify(cell.nb2flow ?? {});
    const metadataChanges = JSON.stringify(entries) !== had;
    if (metadataChanges || tags.length !== cell.tags.length) {
      const nb2flow = Object.keys(entries).length ? entries : null;
      changes.push({
        id: cell.id,
        tags: tags.length === cell.tags.length ? null : tags,
        nb2flow: metadataChanges ? nb2flow : undefined
      });
    }
  });
  return changes;
}

/** Whether the tag, whose word fits, is about this field: Kale's `limit:` speaks of several things. */
function meant(field: Field, tag: string): boolean {
  return !tag.startsWith('limit:') || field !== 'gpu' || !/^limit:(cpu|memory|ephemeral-storage):/.test(tag);
}

function entryValue(field: Field, text: string): unknown {
  if (!text) {
    return undefined;
  }
  if (MANY.includes(field)) {
    return text.split(/[\s,]+/).filter(Boolean);
  }
  if (field === 'cache') {
    return text === 'off' ? false : undefined;
  }
  return /^\d+$/.test(text) && (field === 'gpu' || field === 'retries') ? Number(text) : text;
}

/** Seconds as the tag language writes them: `2h`, `1h30m`, `90s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  return `${hours ? `${hours}h` : ''}${minutes ? `${minutes}m` : ''}${rest || !whole ? `${rest}s` : ''}`;
}
