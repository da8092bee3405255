// One open notebook and its flow. The flow follows the document: after each change, a quarter of a second later, the
// cells go to the server without their outputs and the answer for the newest revision counts. While a cell does not
// parse, the last good graph stays. The document is changed only by `apply` and `set`, each one step of undo.

import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ICellModel } from '@jupyterlab/cells';
import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import type { CellTags, Diagnostic, EditedCell, Flow, RunReply } from '../api';
import { Client, Fault } from '../client';
import { graphOf, ICellPlace, IGraph, placesOf } from './graph';
import { ISettingChange } from './options';
import { Poke } from './poke';
import { Runs } from './runs';
import { applied } from './tags';

const DELAY = 250;
const AGAIN = 5000;
const CLIENT = UUID.uuid4();

export class Session implements IDisposable {
  private revision = 0;
  private answered = -1;
  private readonly analysing: Poke;
  private readonly signal = new Signal<this, void>(this);
  private shown: string | null = null;
  private pinned: string | null = null;
  private _flow: Flow | null = null;
  private _good: Flow | null = null;
  private _fault: Fault | null = null;
  private _refused: Fault | null = null;
  private _places = new Map<string, ICellPlace>();
  isDisposed = false;

  constructor(
    readonly panel: NotebookPanel,
    private readonly client: Client,
    private readonly runs: Runs
  ) {
    this.analysing = new Poke(() => this.analyse(), DELAY);
    void panel.context.ready.then(() => {
      if (!this.isDisposed) {
        panel.context.model.contentChanged.connect(this.poke, this);
        panel.context.pathChanged.connect(this.poke, this);
        this.analysing.poke(0);
      }
    });
    panel.disposed.connect(this.dispose, this);
    runs.changed.connect(this.followRun, this);
    this.followRun();
  }

  /** Emitted when the flow, its fault or the run shown has changed. */
  get changed(): ISignal<this, void> {
    return this.signal;
  }

  get path(): string {
    return this.panel.context.path;
  }

  /** The flow of the document as it stands; null until the first answer. */
  get flow(): Flow | null {
    return this._flow;
  }

  /** The flow to draw: the newest one without syntax errors. */
  get good(): Flow | null {
    return this._good ?? this._flow;
  }

  /** Whether the graph is of an earlier state, because some cell does not parse now. */
  get behind(): boolean {
    return this._flow !== null && this._flow.broken.length > 0 && this._good !== null;
  }

  get fault(): Fault | null {
    return this._fault;
  }

  /** Why the run that was last asked for could not begin; null once one has, or when that has been read. */
  get refused(): Fault | null {
    return this._refused;
  }

  /** Show in place why a run could not begin, or (null) no longer. */
  refuse(fault: Fault | null): void {
    this._refused = fault;
    this.signal.emit();
  }

  get diagnostics(): Diagnostic[] {
    const all = this._flow?.diagnostics ?? this._fault?.diagnostics ?? [];
    // A step's own notebook: that is all there is to say about it.
    const written = all.filter(found => found.code === 'NB246');
    return written.length ? written : all;
  }

  get graph(): IGraph | null {
    return this.good ? graphOf(this.good, this.run) : null;
  }

  /** The run whose progress is shown: the one that was picked, or else the newest of this notebook. */
  get run(): RunReply | null {
    return this.shown ? this.runs.detail(this.shown) : null;
  }

  place(cellId: string): ICellPlace | null {
    return this._places.get(cellId) ?? null;
  }

  /** Show this run's progress. */
  pick(run: string): void {
    this.pinned = run;
    this.followRun();
    this.runs.refresh();
  }

  get models(): ICellModel[] {
    return [...(this.panel.context.model?.cells ?? [])];
  }

  /** The cells as the server wants them: without outputs. */
  get cells(): EditedCell[] {
    return this.models.map(cell => ({
      id: cell.id,
      kind: cell.type as EditedCell['kind'],
      source: cell.sharedModel.getSource(),
      tags: tagsOf(cell),
      nb2flow: settingsOf(cell)
    }));
  }

  /** The notebook's metadata, as far as the flow reads it. */
  get metadata(): Record<string, unknown> {
    const all = this.panel.context.model.sharedModel.getMetadata() as unknown as Record<string, unknown>;
    return JSON.parse(JSON.stringify(all)) as Record<string, unknown>;
  }

  /** Change tags: all at once, one step of undo. */
  apply(changes: readonly CellTags[]): void {
    this.write(cell => {
      const change = changes.find(c => c.cell_id === cell.id);
      if (change) {
        setTags(cell, applied(tagsOf(cell), change));
      }
    });
  }

  /** Change settings of a step: all at once, one step of undo. */
  set(changes: readonly ISettingChange[]): void {
    this.write(cell => {
      const change = changes.find(c => c.id === cell.id);
      if (change?.tags) {
        setTags(cell, change.tags);
      }
      if (change?.nb2flow === null) {
        cell.deleteMetadata('nb2flow');
      } else if (change?.nb2flow !== undefined) {
        cell.setMetadata('nb2flow', change.nb2flow);
      }
    });
  }

  /** Bring a cell (and a line of it) to the reader. */
  async reveal(cellId: string, line?: number): Promise<void> {
    const index = this.models.findIndex(cell => cell.id === cellId);
    if (index < 0) {
      return;
    }
    const notebook = this.panel.content;
    notebook.deselectAll();
    notebook.activeCellIndex = index;
    await notebook.scrollToCell(notebook.widgets[index], line === undefined ? 'start' : 'smart');
    const editor = notebook.widgets[index]?.editor;
    if (line !== undefined && editor) {
      editor.setCursorPosition({ line: line - 1, column: 0 });
    }
  }

  /** Resolves once the flow is that of the document as it stands now, or the server has said why it cannot be. */
  async settled(): Promise<void> {
    while (this.answered !== this.revision && !this.isDisposed) {
      await new Promise<void>(resolve => {
        const once = (): void => {
          this.signal.disconnect(once);
          resolve();
        };
        this.signal.connect(once);
      });
    }
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    this.signal.emit(); // whoever waits for the flow waits no longer
    this.analysing.dispose();
    if (this.shown) {
      this.runs.unwatch(this.shown);
    }
    Signal.clearData(this);
  }

  /** Ask for the flow anew, shortly. */
  poke(): void {
    this.revision += 1;
    this.analysing.poke();
  }

  private write(change: (cell: ICellModel) => void): void {
    const shared = this.panel.context.model.sharedModel as unknown as {
      transact(f: () => void): void;
      undoManager?: { stopCapturing(): void };
    };
    shared.undoManager?.stopCapturing();
    shared.transact(() => this.models.forEach(change));
    shared.undoManager?.stopCapturing();
    this.revision += 1;
    this.analysing.poke(0);
  }

  private async analyse(): Promise<void> {
    const revision = this.revision;
    try {
      const { cells, metadata, path } = this;
      const reply = await this.client.analyse({
        path,
        revision,
        client: `${CLIENT}:${this.panel.id}`,
        cells,
        metadata
      });
      if (this.isDisposed || reply.stale || reply.flow === null || revision !== this.revision) {
        return;
      }
      this.answered = revision;
      this._fault = null;
      this._flow = reply.flow;
      if (!reply.flow.broken.length) {
        this._good = reply.flow;
      }
      this._places = placesOf(this.good ?? reply.flow);
    } catch (error) {
      if (this.isDisposed) {
        return;
      }
      this.answered = revision;
      this._fault = error instanceof Fault ? error : new Fault('unknown', String(error));
      if (this._fault.code === 'unreachable' || this._fault.status >= 500) {
        this.analysing.poke(AGAIN); // it may be starting, or about to end
      }
    }
    this.signal.emit();
  }

  private followRun(): void {
    const run = this.pinned ?? this.runs.newest(this.path)?.run ?? null;
    if (run !== this.shown) {
      if (this.shown) {
        this.runs.unwatch(this.shown);
      }
      this.shown = run;
      if (run) {
        this.runs.watch(run);
      }
    }
    this.signal.emit();
  }
}

/** The tags of a cell. */
export function tagsOf(cell: ICellModel): string[] {
  const tags: unknown = cell.getMetadata('tags');
  return Array.isArray(tags) ? tags.map(String) : [];
}

/** The `nb2flow` key of a cell's metadata. */
export function settingsOf(cell: ICellModel): Record<string, unknown> | null {
  const value: unknown = cell.getMetadata('nb2flow');
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (JSON.parse(JSON.stringify(value)) as Record<string, unknown>)
    : null;
}

function setTags(cell: ICellModel, tags: string[]): void {
  if (tags.length) {
    cell.setMetadata('tags', tags);
  } else {
    cell.deleteMetadata('tags');
  }
}
