// Comparing a notebook with another version of it: git's, the saved one, another file, a run's copy.

import React, { Suspense } from 'react';
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IOutput } from '@jupyterlab/nbformat';
import { IRenderMimeRegistry, OutputModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import type { Extension } from '@codemirror/state';
import type { DiffReply, DiffRequest, RefsReply } from '../api';
import type { IDiffOptions } from '../components/diff';
import type { DrawOutput } from '../components/outputs';
import type { Fault } from '../client';
import { flowIcon } from '../icons';
import { Commands, IFlows } from '../tokens';
import type { Session } from '../model/session';

const DiffView = React.lazy(() => import('../components/diff'));

type Side = DiffRequest['base'];

class DiffPanel extends ReactWidget {
  private reply: DiffReply | null = null;
  private fault = '';
  private refs: RefsReply | null = null;
  private options: IDiffOptions;

  constructor(
    private readonly flows: IFlows,
    private readonly path: string,
    private readonly now: () => Side,
    private against: string,
    private readonly language: Extension,
    private readonly draw: DrawOutput,
    outputs: boolean
  ) {
    super();
    this.options = { outputs, metadata: true, noise: false };
    this.addClass('nb2flow-DiffPanel');
    void this.ask();
    this.flows.client
      .refs(path)
      .then(refs => {
        this.refs = refs;
        this.update();
      })
      .catch(() => undefined); // no git: the other choices stay
  }

  protected override render(): React.JSX.Element {
    const { trans } = this.flows;
    return (
      <Suspense fallback={<p className="nb2flow-Note">{trans.__('comparing…')}</p>}>
        <DiffView
          reply={this.reply}
          fault={this.fault}
          refs={this.refs}
          against={this.against}
          onAgainst={against => void this.choose(against)}
          options={this.options}
          onOptions={options => {
            this.options = options;
            this.update(); // the switch moves at once, the answer comes later
            void this.ask();
          }}
          language={this.language}
          draw={this.draw}
          trans={trans}
        />
      </Suspense>
    );
  }

  private async choose(against: string): Promise<void> {
    if (against === 'path:?') {
      const { trans } = this.flows;
      const asked = await InputDialog.getText({
        title: trans.__('Compare with Notebook'),
        label: trans.__('Path'),
        text: this.path
      });
      if (!asked.value) {
        return this.update();
      }
      against = `path:${asked.value}`;
    }
    this.against = against;
    await this.ask();
  }

  private async ask(): Promise<void> {
    try {
      this.reply = await this.flows.client.diff({
        base: sideOf(this.against, this.path),
        remote: this.now(),
        ...this.options
      });
      this.fault = '';
    } catch (error) {
      this.reply = null;
      this.fault = [(error as Fault).message, (error as Fault).hint].filter(Boolean).join(': ');
    }
    this.update();
  }
}

/** Draws outputs by JupyterLab's own means, with nothing in them trusted. */
function drawing(rendermime: IRenderMimeRegistry): DrawOutput {
  return (value, host) => {
    const model = new OutputModel({ value: value as unknown as IOutput, trusted: false });
    const mime = rendermime.preferredMimeType(model.data, 'ensure');
    if (!mime) {
      host.textContent = Object.keys(model.data).join(', ');
      return () => model.dispose();
    }
    const renderer = rendermime.createRenderer(mime);
    Widget.attach(renderer, host);
    void renderer.renderModel(model);
    return () => {
      renderer.dispose();
      model.dispose();
    };
  };
}

/** `run:ID` or `run:ID:STEP`, as the server wants it. */
function runSide(words: string): Side {
  const [run, step] = words.split(':');
  return { kind: 'run', run, step: step || null };
}

/** `git:REF`, `run:ID`, `path:PATH` or `disk` as the server wants it. */
function sideOf(against: string, path: string): Side {
  const [kind, rest] = [against.split(':', 1)[0], against.replace(/^\w+:?/, '')];
  switch (kind) {
    case 'git':
      return { kind: 'git', path, ref: rest };
    case 'run':
      return runSide(rest);
    default:
      return { kind: 'path', path: kind === 'path' ? rest : path };
  }
}

function onScreen(session: Session): Side {
  const content = session.panel.context.model.toJSON() as unknown as Record<string, unknown>;
  return { kind: 'content', content, name: session.path };
}

export const diff: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:diff',
  description: 'Compares versions of a notebook.',
  autoStart: true,
  requires: [IFlows, IEditorLanguageRegistry, IRenderMimeRegistry],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    flows: IFlows,
    languages: IEditorLanguageRegistry,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const { trans } = flows;
    const draw = drawing(rendermime);
    const show = async (session: Session | null, path: string, against: string, other?: string): Promise<void> => {
      // A notebook that has just been opened shows one empty cell until it is read.
      await session?.panel.context.ready;
      const mime = session?.panel.content.codeMimetype ?? 'text/x-ipython';
      const language = await languages.getLanguage(languages.findByMIME(mime) ?? 'ipython');
      const now = (): Side =>
        other !== undefined
          ? runSide(other)
          : session && !session.isDisposed
            ? onScreen(session)
            : { kind: 'path', path };
      const step = other?.split(':')[1];
      const panel = new DiffPanel(flows, path, now, against, language?.support ?? [], draw, step !== undefined);
      const widget = new MainAreaWidget({ content: panel });
      widget.title.label = trans.__('Changes in %1', step ?? path.split('/').pop() ?? path);
      widget.title.icon = flowIcon;
      widget.title.closable = true;
      app.shell.add(widget, 'main');
      app.shell.activateById(widget.id);
    };
    commands.addCommand(Commands.diff, {
      label: trans.__('Compare with Another Version'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => flows.current !== null,
      execute: async () => {
        const session = flows.current;
        if (session) {
          const refs = await flows.client.refs(session.path).catch(() => null);
          await show(session, session.path, refs?.tracked ? 'git:HEAD' : 'disk');
        }
      }
    });
    commands.addCommand(Commands.diffRun, {
      label: trans.__('Compare with the Notebook of the Run'),
      describedBy: {
        args: {
          type: 'object',
          properties: { run: { type: 'string' }, other: { type: 'string' }, step: { type: 'string' } }
        }
      },
      isEnabled: args => args.run !== undefined || Boolean(flows.current?.run),
      execute: async args => {
        const session = flows.current;
        const run = String(args.run ?? session?.run?.summary.run);
        const step = typeof args.step === 'string' ? `:${args.step}` : '';
        const other = typeof args.other === 'string' ? args.other + step : undefined;
        await show(other ? null : session, other ? run : (session?.path ?? run), `run:${run}${step}`, other);
      }
    });
    for (const command of [Commands.diff, Commands.diffRun]) {
      palette?.addItem({ command, category: 'nb2flow' });
    }
  }
};
