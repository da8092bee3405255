// Runs as the server knows them: REST is the truth, and an event of the server's only says when to ask. While a run is
// under way it is asked every second, otherwise every three, so that lost events leave nothing stale; a page that
// nobody sees asks seldom, and at once when it is seen again.

import { ISignal, Signal } from '@lumino/signaling';
import type { RunReply, RunSummary } from '../api';
import { Client, Fault } from '../client';
import { Poke } from './poke';
import { active } from './words';

const FAST = 800;
const SLOW = 3000;
const HIDDEN = 30_000;

export class Runs {
  private since = '';
  private known = new Map<string, RunSummary>();
  private details = new Map<string, RunReply>();
  private watched = new Map<string, number>();
  private readonly asking: Poke;
  private readonly signal = new Signal<this, void>(this);
  private _fault: Fault | null = null;

  constructor(private readonly client: Client) {
    this.asking = new Poke(() => this.ask(), FAST);
    document.addEventListener('visibilitychange', () => document.hidden || this.refresh());
  }

  /** Emitted when any run has changed, or asking failed. */
  get changed(): ISignal<this, void> {
    return this.signal;
  }

  /** All runs, the newest first. */
  get all(): RunSummary[] {
    return [...this.known.values()].sort((a, b) => b.created_at - a.created_at);
  }

  get active(): RunSummary[] {
    return this.all.filter(run => active(run.status));
  }

  /** Why the runs cannot be shown; null when they can. */
  get fault(): Fault | null {
    return this._fault;
  }

  /** The newest run of the notebook at `path`. */
  newest(path: string): RunSummary | null {
    return this.all.find(run => run.path === path) ?? null;
  }

  /** A run in full, as far as it has been asked for; `watch` asks. */
  detail(run: string): RunReply | null {
    return this.details.get(run) ?? null;
  }

  /** Keep a run's details fresh until `unwatch`. */
  watch(run: string): void {
    this.watched.set(run, (this.watched.get(run) ?? 0) + 1);
    this.refresh();
  }

  unwatch(run: string): void {
    const left = (this.watched.get(run) ?? 1) - 1;
    if (left > 0) {
      this.watched.set(run, left);
    } else {
      this.watched.delete(run);
    }
  }

  /** Ask now. */
  refresh(): void {
    this.asking.poke(0);
  }

  async delete(run: string): Promise<void> {
    await this.client.delete(run);
    this.known.delete(run);
    this.details.delete(run);
    this.signal.emit();
  }

  private async ask(): Promise<void> {
    try {
      const reply = await this.client.runs(this.since);
      const fresh = new Map(reply.runs.map(run => [run.run, run]));
      this.known = reply.complete ? fresh : new Map([...this.known, ...fresh]);
      this.since = reply.since;
      const stale = [...this.watched.keys()].filter(run => this.isStale(run));
      const replies = await Promise.allSettled(stale.map(run => this.client.run(run)));
      replies.forEach((reply, i) => reply.status === 'fulfilled' && this.details.set(stale[i], reply.value));
      if (reply.runs.length || stale.length || this._fault) {
        this._fault = null;
        this.signal.emit();
      }
    } catch (error) {
      this._fault = error instanceof Fault ? error : new Fault('unknown', String(error));
      this.signal.emit();
    }
    const busy = this.active.length > 0 || [...this.watched.keys()].some(run => this.isStale(run));
    this.asking.poke(document.hidden ? HIDDEN : busy ? FAST : SLOW);
  }

  private isStale(run: string): boolean {
    const detail = this.details.get(run);
    const summary = this.known.get(run);
    if (!detail) {
      return true;
    }
    return (
      summary !== undefined &&
      (summary.last_event !== detail.summary.last_event || summary.status !== detail.summary.status)
    );
  }
}
