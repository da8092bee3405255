// Open notebooks with their flows, and the runs: the one service that the other plugins ask for.

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import { Client } from '../client';
import { Runs } from '../model/runs';
import { Session } from '../model/session';
import { IFlows } from '../tokens';

const EVENTS = 'nb2flow';

class Flows implements IFlows {
  private readonly bySession = new Map<NotebookPanel, Session>();
  private readonly openedSignal = new Signal<IFlows, Session>(this);
  private readonly currentSignal = new Signal<IFlows, Session | null>(this);

  constructor(
    private readonly tracker: INotebookTracker,
    readonly client: Client,
    readonly runs: Runs,
    readonly trans: TranslationBundle
  ) {
    tracker.widgetAdded.connect((_, panel) => this.add(panel));
    tracker.forEach(panel => this.add(panel));
    tracker.currentChanged.connect(() => this.currentSignal.emit(this.current));
  }

  get current(): Session | null {
    const panel = this.tracker.currentWidget;
    return panel ? this.of(panel) : null;
  }

  get currentChanged(): ISignal<IFlows, Session | null> {
    return this.currentSignal;
  }

  get opened(): ISignal<IFlows, Session> {
    return this.openedSignal;
  }

  get sessions(): readonly Session[] {
    return [...this.bySession.values()];
  }

  of(panel: NotebookPanel): Session | null {
    return this.bySession.get(panel) ?? null;
  }

  private add(panel: NotebookPanel): void {
    if (this.bySession.has(panel)) {
      return;
    }
    const session = new Session(panel, this.client, this.runs);
    this.bySession.set(panel, session);
    panel.disposed.connect(() => this.bySession.delete(panel));
    this.openedSignal.emit(session);
    if (this.tracker.currentWidget === panel) {
      this.currentSignal.emit(session);
    }
  }
}

export const service: JupyterFrontEndPlugin<IFlows> = {
  id: 'nb2flow:service',
  description: 'The flows of open notebooks, and the runs.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator],
  provides: IFlows,
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, translator: ITranslator | null): IFlows => {
    const trans = (translator ?? nullTranslator).load('nb2flow');
    const client = new Client(app.serviceManager.serverSettings, trans);
    const runs = new Runs(client);
    const flows = new Flows(tracker, client, runs, trans);
    void app.restored.then(() => runs.refresh());
    app.serviceManager.events.stream.connect((_, event) => {
      if (String(event.schema_id).includes(EVENTS)) {
        runs.refresh();
      }
    });
    return flows;
  }
};
