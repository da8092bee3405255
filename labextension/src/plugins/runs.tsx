// The table of runs in the main area, its launcher card, and the status bar's word about runs under way.

import React from 'react';
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, MainAreaWidget, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';
import { UseSignal } from '@jupyterlab/ui-components';
import { RunsView } from '../components/runs';
import { flowIcon } from '../icons';
import { Commands, IFlows } from '../tokens';
import { tell } from './flow';

class RunsTable extends ReactWidget {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly flows: IFlows
  ) {
    super();
    this.addClass('nb2flow-RunsPanel');
  }

  protected override render(): React.JSX.Element {
    const { flows } = this;
    const { commands } = this.app;
    return (
      <UseSignal signal={flows.runs.changed}>
        {() => (
          <RunsView
            runs={flows.runs.all}
            fault={flows.runs.fault}
            trans={flows.trans}
            onShow={run => void this.show_(run.run, run.path)}
            onReport={run => void commands.execute(Commands.report, { run })}
            onDelete={run => void this.remove(run)}
            onCancel={run => void commands.execute(Commands.cancel, { run })}
            onResume={run => void commands.execute(Commands.resume, { run })}
            compare={(left, right) => flows.client.compare(left, right)}
            onDiff={(left, right, step) =>
              void commands.execute(Commands.diffRun, { run: left, other: right, ...(step ? { step } : {}) })
            }
          />
        )}
      </UseSignal>
    );
  }

  private async show_(run: string, path: string | null): Promise<void> {
    if (path === null) {
      await this.app.commands.execute(Commands.report, { run });
      return;
    }
    await this.app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
    this.flows.current?.pick(run);
    await this.app.commands.execute(Commands.showFlow);
  }

  private async remove(run: string): Promise<void> {
    const { trans } = this.flows;
    const asked = await showDialog({
      title: trans.__('Delete Run?'),
      body: trans.__('%1 with its step notebooks, logs and report will be gone.', run),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
    });
    if (asked.button.accept) {
      await this.flows.runs.delete(run).catch(tell);
    }
  }
}

export const runs: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:runs',
  description: 'The table of runs.',
  autoStart: true,
  requires: [IFlows],
  optional: [ICommandPalette, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    flows: IFlows,
    palette: ICommandPalette | null,
    launcher: ILauncher | null
  ): void => {
    let open: MainAreaWidget<RunsTable> | null = null;
    app.commands.addCommand(Commands.showRuns, {
      label: args => (args.isLauncher ? flows.trans.__('Pipeline Runs') : flows.trans.__('Show Pipeline Runs')),
      caption: flows.trans.__('Runs of notebooks as pipelines'),
      describedBy: { args: { type: 'object', properties: { isLauncher: { type: 'boolean' } } } },
      icon: flowIcon,
      execute: () => {
        if (!open || open.isDisposed) {
          open = new MainAreaWidget({ content: new RunsTable(app, flows) });
          open.id = 'nb2flow-runs';
          open.title.label = flows.trans.__('Pipeline Runs');
          open.title.icon = flowIcon;
          open.title.closable = true;
          app.shell.add(open, 'main');
        }
        flows.runs.refresh();
        app.shell.activateById(open.id);
      }
    });
    palette?.addItem({ command: Commands.showRuns, category: 'nb2flow' });
    launcher?.add({
      command: Commands.showRuns,
      args: { isLauncher: true },
      category: flows.trans.__('Other'),
      rank: 5
    });
  }
};

class Word extends ReactWidget {
  constructor(
    private readonly flows: IFlows,
    private readonly onClick: () => void
  ) {
    super();
    flows.runs.changed.connect(() => this.update());
  }

  protected override render(): React.JSX.Element {
    const going = this.flows.runs.active;
    const done = going.map(run => `${run.notebook} ${run.done}/${run.steps}`).join(', ');
    return (
      <button type="button" className="nb2flow-StatusWord" title={done} onClick={this.onClick}>
        {this.flows.trans._n('%1 pipeline running', '%1 pipelines running', going.length)}
      </button>
    );
  }
}

export const statusBar: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:status-bar',
  description: 'How many runs are under way.',
  autoStart: true,
  requires: [IFlows, IStatusBar],
  activate: (app: JupyterFrontEnd, flows: IFlows, bar: IStatusBar): void => {
    bar.registerStatusItem('nb2flow:running', {
      item: new Word(flows, () => void app.commands.execute(Commands.showRuns)),
      align: 'left',
      rank: 50,
      isActive: () => flows.runs.active.length > 0,
      activeStateChanged: flows.runs.changed
    });
  }
};
