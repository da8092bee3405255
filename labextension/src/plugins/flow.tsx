// The flow panel in the sidebar: the graph of the notebook in front, its problems, and its run.

import React, { useState } from 'react';
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification, ReactWidget } from '@jupyterlab/apputils';
import { UseSignal } from '@jupyterlab/ui-components';
import type { IActions } from '../components/actions';
import { FlowView } from '../components/flow';
import { flowIcon } from '../icons';
import { Fault } from '../client';
import type { Session } from '../model/session';
import { Commands, IFlows } from '../tokens';

const PANEL = 'nb2flow-flow';

class FlowPanel extends ReactWidget {
  constructor(
    private readonly flows: IFlows,
    private readonly actions: IActions
  ) {
    super();
    this.id = PANEL;
    this.title.icon = flowIcon;
    this.title.caption = flows.trans.__('Flow of the notebook');
    this.addClass('nb2flow-FlowPanel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
  }

  protected override render(): React.JSX.Element {
    const { flows } = this;
    return (
      <UseSignal signal={flows.currentChanged}>
        {() =>
          flows.current ? (
            <Shown key={flows.current.panel.id} session={flows.current} flows={flows} actions={this.actions} />
          ) : (
            <p className="nb2flow-Note">{flows.trans.__('Open a notebook to see its flow.')}</p>
          )
        }
      </UseSignal>
    );
  }
}

interface IShownProps {
  session: Session;
  flows: IFlows;
  actions: IActions;
}

function Shown({ session, flows, actions }: IShownProps): React.JSX.Element {
  const [view, setView] = useState<'drawing' | 'list'>('drawing');
  return (
    <UseSignal signal={session.changed}>
      {() => (
        <FlowView
          name={session.path}
          flow={session.flow}
          graph={session.graph}
          behind={session.behind}
          fault={session.fault ?? (session.run && flows.runs.fault)}
          refused={session.refused && { message: session.refused.message, hint: session.refused.hint }}
          onRead={() => session.refuse(null)}
          diagnostics={session.diagnostics}
          run={session.run}
          view={view}
          onView={setView}
          actions={actions}
        />
      )}
    </UseSignal>
  );
}

export const flowPanel: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:flow-panel',
  description: 'The flow of the notebook in front, in the sidebar.',
  autoStart: true,
  requires: [IFlows],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flows: IFlows,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const { commands } = app;
    const does = (command: string, args: Record<string, string> = {}): void => void commands.execute(command, args);
    const panel = new FlowPanel(flows, {
      trans: flows.trans,
      reveal: (cell, line) => void flows.current?.reveal(cell, line),
      run: () => does(Commands.run),
      suggest: () => does(Commands.suggest),
      fix: changes => flows.current?.apply(changes),
      cancel: run => does(Commands.cancel, { run }),
      resume: run => does(Commands.resume, { run }),
      rerun: (run, step, what) => does(what === 'from' ? Commands.rerunFrom : Commands.rerunOnly, { run, step }),
      open: (run, step, what) => does(what === 'inputs' ? Commands.openInputs : Commands.openExecuted, { run, step }),
      report: run => does(Commands.report, { run }),
      diffRun: run => does(Commands.diffRun, { run }),
      log: (run, step, since) => flows.client.log(run, step, since)
    });
    app.shell.add(panel, 'right', { rank: 150 });
    restorer?.add(panel, PANEL);
    commands.addCommand(Commands.showFlow, {
      label: flows.trans.__('Show Flow'),
      describedBy: { args: { type: 'object', properties: {} } },
      icon: flowIcon,
      execute: () => app.shell.activateById(PANEL)
    });
    palette?.addItem({ command: Commands.showFlow, category: 'nb2flow' });
  }
};

/** Tell a person what went wrong, beside the work and not in front of it. */
export function tell(error: unknown): void {
  const words = error instanceof Fault ? [error.message, error.hint].filter(Boolean).join(' ') : String(error);
  Notification.error(words, { autoClose: 10_000 });
}
