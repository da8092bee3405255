// Commands that start, stop and look into runs.

import React from 'react';
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { Engine, RunReply, Started } from '../api';
import { Fault } from '../client';
import { engineKey, IRunValues, RunForm } from '../components/runform';
import { Suggestion } from '../components/suggest';
import { given, mistake } from '../model/parameters';
import type { Session } from '../model/session';
import { active } from '../model/words';
import { Commands, IFlows } from '../tokens';
import { tell } from './flow';

/** Ask for parameters and engine, then run what is on the screen. */
async function start(app: JupyterFrontEnd, flows: IFlows, session: Session): Promise<void> {
  const { trans, client } = flows;
  await session.settled();
  const flow = session.flow;
  if (session.fault || !flow?.runnable || flow.broken.length) {
    await app.commands.execute(Commands.showFlow);
    Notification.warning(trans.__('The notebook has problems that forbid running it; the panel shows them.'), {
      autoClose: 6000
    });
    return;
  }
  let engines: Engine[] = [];
  try {
    engines = (await client.engines(session.path)).engines;
  } catch (error) {
    return tell(error);
  }
  const usual = engines.find(engine => engine.default) ?? engines[0];
  let values: IRunValues = { texts: {}, engine: usual ? engineKey(usual) : '', useCache: true };
  const keep = (now: IRunValues): void => {
    values = now;
  };
  const body = ReactWidget.create(
    <RunForm
      parameters={flow.parameters}
      engines={engines}
      steps={flow.steps.length}
      values={values}
      onChange={keep}
      trans={trans}
    />
  );
  const asked = await showDialog({
    title: trans.__('Run as a Pipeline'),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })],
    checkbox: null
  });
  if (!asked.button.accept) {
    return;
  }
  const wrong = flow.parameters
    .map(p => (p.name in values.texts ? mistake(p, values.texts[p.name]) : ''))
    .find(Boolean);
  if (wrong) {
    Notification.error(wrong, { autoClose: 8000 });
    return;
  }
  const engine = engines.find(e => engineKey(e) === values.engine);
  const content = session.panel.context.model.toJSON() as unknown as Record<string, unknown>;
  await begun(app, flows, session, () =>
    client.start({
      path: session.path,
      content,
      parameters: given(flow.parameters, values.texts),
      engine: engine?.name ?? null,
      profile: engine?.profile ?? null,
      use_cache: values.useCache
    })
  );
}

/** Begin something that makes a run, and show that run. */
async function begun(
  app: JupyterFrontEnd,
  flows: IFlows,
  session: Session | null,
  begin: () => Promise<Started>
): Promise<void> {
  try {
    session?.refuse(null);
    const { run } = await begin();
    session?.pick(run);
    flows.runs.refresh();
    await app.commands.execute(Commands.showFlow);
  } catch (error) {
    if (session && !session.isDisposed && error instanceof Fault) {
      session.refuse(error);
      await app.commands.execute(Commands.showFlow);
    } else {
      tell(error);
    }
  }
}

async function suggest(flows: IFlows, session: Session): Promise<void> {
  const { trans, client } = flows;
  try {
    const { path, cells, metadata } = session;
    const reply = await client.suggest({ path, cells, metadata });
    if (!reply.changes.length) {
      Notification.info(reply.message || trans.__('There is nothing to suggest.'), { autoClose: 6000 });
      return;
    }
    const asked = await showDialog({
      title: trans.__('Suggested Steps'),
      body: ReactWidget.create(<Suggestion reply={reply} trans={trans} />),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Apply') })]
    });
    if (asked.button.accept) {
      session.apply(reply.changes);
    }
  } catch (error) {
    tell(error);
  }
}

/** Tell of runs that end while one looks elsewhere. */
function announce(app: JupyterFrontEnd, flows: IFlows): void {
  const going = new Set<string>();
  flows.runs.changed.connect(() => {
    for (const run of flows.runs.all) {
      if (active(run.status)) {
        going.add(run.run);
      } else if (going.delete(run.run) && run.status === 'failed' && run.path !== flows.current?.path) {
        const words = flows.trans.__('%1 failed: %2', run.notebook, run.failed.join(', '));
        Notification.error(words, {
          autoClose: 10_000,
          actions: [
            {
              label: flows.trans.__('Show'),
              callback: () => void app.commands.execute(Commands.showFailure, { run: run.run })
            }
          ]
        });
      }
    }
  });
}

export const run: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:run',
  description: 'Commands that start, stop and look into runs.',
  autoStart: true,
  requires: [IFlows],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, flows: IFlows, palette: ICommandPalette | null): void => {
    const { commands } = app;
    const { trans, client } = flows;
    const properties = { run: { type: 'string' }, step: { type: 'string' } } as const;
    type Act = (run: string, step: string) => Promise<unknown>;
    const idOf = (args: Record<string, unknown>): string => String(args.run ?? flows.current?.run?.summary.run ?? '');
    const add = (id: string, label: string, act: Act, fits: (run: RunReply | null) => boolean): void => {
      commands.addCommand(id, {
        label,
        describedBy: { args: { type: 'object', properties } },
        isEnabled: args => args.run !== undefined || fits(flows.current?.run ?? null),
        execute: async args => {
          try {
            const failed = flows.current?.run?.summary.failed[0] ?? '';
            await act(idOf(args), String(args.step ?? failed));
          } catch (error) {
            tell(error);
          }
          flows.runs.refresh();
        }
      });
      palette?.addItem({ command: id, category: 'nb2flow' });
    };
    const going = (of: RunReply | null): boolean => of !== null && active(of.summary.status);
    const ended = (of: RunReply | null): boolean => of !== null && !active(of.summary.status);
    const failed = (of: RunReply | null): boolean => of !== null && of.summary.failed.length > 0;
    const session = (): Session | null => flows.current;
    const open = async (id: string, step: string, what: 'inputs' | 'executed'): Promise<void> => {
      const { path } = await client.open(id, step, { what });
      // With its kernel named JupyterLab does not ask for one.
      const { kernel } = await client.run(id);
      await commands.execute('docmanager:open', { path, factory: 'Notebook', kernel: { name: kernel } });
    };

    add(Commands.cancel, trans.__('Cancel Run'), id => client.cancel(id), going);
    add(Commands.resume, trans.__('Resume Run'), id => begun(app, flows, session(), () => client.resume(id)), ended);
    for (const [command, label, what] of [
      [Commands.rerunFrom, trans.__('Run from This Step'), 'from'],
      [Commands.rerunOnly, trans.__('Run Only This Step'), 'only']
    ] as const) {
      add(command, label, (id, step) => begun(app, flows, session(), () => client.rerun(id, { step, what })), failed);
    }
    add(Commands.openInputs, trans.__('Open Step with Its Inputs'), (id, step) => open(id, step, 'inputs'), failed);
    add(
      Commands.openExecuted,
      trans.__('Open Executed Step Notebook'),
      (id, step) => open(id, step, 'executed'),
      failed
    );
    add(
      Commands.report,
      trans.__('Open Report of Run'),
      async id => window.open(client.reportUrl(id), '_blank'),
      ended
    );
    add(
      Commands.showFailure,
      trans.__('Go to Failure'),
      async id => {
        const reply = await client.run(id);
        const path = reply.summary.path;
        if (path) {
          await commands.execute('docmanager:open', { path, factory: 'Notebook' });
        }
        const current = session();
        current?.pick(id);
        await commands.execute(Commands.showFlow);
        const failure = reply.steps.find(step => step.failure)?.failure;
        if (failure?.cell_id) {
          await current?.reveal(failure.cell_id, failure.line ?? undefined);
        }
      },
      failed
    );
    const here = (id: string, label: string, caption: string, act: (session: Session) => Promise<void>): void => {
      commands.addCommand(id, {
        label,
        caption,
        describedBy: { args: { type: 'object', properties: {} } },
        isEnabled: () => flows.current !== null,
        execute: async () => {
          const now = session();
          await (now ? act(now) : undefined);
        }
      });
      palette?.addItem({ command: id, category: 'nb2flow' });
    };
    here(Commands.run, trans.__('Run as a Pipeline…'), trans.__('Run the notebook as a pipeline of its steps'), now =>
      start(app, flows, now)
    );
    here(
      Commands.suggest,
      trans.__('Suggest Steps…'),
      trans.__('Make steps of the headings; shown before it is done'),
      now => suggest(flows, now)
    );
    announce(app, flows);
  }
};
