// Words and small pictures for statuses and times; the same everywhere. Colours are classes that the style sheet binds.

import type { TranslationBundle } from '@jupyterlab/translation';
import type { RunStep, RunSummary } from '../api';

export type Status = RunStep['status'] | RunSummary['status'];

const MARKS: Record<Status, string> = {
  waiting: '○', created: '○', running: '◐', retrying: '↻', succeeded: '✓', cached: '≡', failed: '✗', skipped: '⊘',
  cancelled: '■', interrupted: '■'
}; // prettier-ignore

/** One character that stands for a status. */
export function mark(status: Status): string {
  return MARKS[status];
}

/** A status as the reader's language has it. */
export function word(status: Status, trans: TranslationBundle): string {
  const words: Record<Status, string> = {
    waiting: trans.__('waiting'),
    created: trans.__('created'),
    running: trans.__('running'),
    retrying: trans.__('retrying'),
    succeeded: trans.__('succeeded'),
    cached: trans.__('cached'),
    failed: trans.__('failed'),
    skipped: trans.__('skipped'),
    cancelled: trans.__('cancelled'),
    interrupted: trans.__('interrupted')
  };
  return words[status];
}

/** Whether something with this status may still change by itself. */
export function active(status: Status): boolean {
  return ['waiting', 'created', 'running', 'retrying'].includes(status);
}

/** Whether a step with this status has done what it is there for. */
export function done(status: Status): boolean {
  return status === 'succeeded' || status === 'cached';
}

/** A time span in few characters: `0.4 s`, `12 s`, `3 min`, `2 h 5 min`. */
export function span(seconds: number | null): string {
  if (seconds === null) {
    return '';
  }
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  if (seconds < 100) {
    return `${Math.round(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Seconds that a step or run has taken, so far if it is under way. */
export function taken(what: {
  seconds: number | null;
  started_at: number | null;
  ended_at: number | null;
}): number | null {
  if (what.seconds !== null || what.started_at === null) {
    return what.seconds;
  }
  return Math.max(0, (what.ended_at ?? Date.now() / 1000) - what.started_at);
}

/** A point in time in the reader's own manner, shorter when it was today. */
export function when(seconds: number, now: Date = new Date()): string {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  return date.toDateString() === now.toDateString()
    ? time
    : `${date.toLocaleDateString(undefined, { month: 'short', day: 'numeric' })} ${time}`;
}

/** Text without the escape sequences that colour it on a terminal. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
}
