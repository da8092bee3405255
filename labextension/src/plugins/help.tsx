// The keys in one look, and the guide: the page of the documentation about JupyterLab, which comes with the extension.

import React from 'react';
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, MainAreaWidget, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import { Help } from '../components/help';
import { flowIcon } from '../icons';
import { Commands, IFlows } from '../tokens';

const MARKDOWN = 'text/markdown';

/** The guide's text. Its links to other pages of the documentation lead nowhere from here: their words stay. */
async function guideText(): Promise<string> {
  const { default: text } = await import('../../../docs/how-to/work-in-jupyterlab.md');
  return text.replace(/\[([^\]]+)\]\(\.[^)]*\)/g, '$1');
}

export const help: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:help',
  description: 'The keys, and the guide.',
  autoStart: true,
  requires: [IFlows, IRenderMimeRegistry],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    { trans }: IFlows,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const describedBy = { args: { type: 'object', properties: {} } } as const;
    commands.addCommand(Commands.help, {
      label: trans.__('nb2flow: Keys and How It Works'),
      describedBy,
      execute: async () => {
        const guide = Dialog.createButton({ label: trans.__('Open the Guide'), accept: true });
        const asked = await showDialog({
          title: 'nb2flow',
          body: ReactWidget.create(<Help trans={trans} />),
          buttons: [guide, Dialog.cancelButton({ label: trans.__('Close') })],
          defaultButton: 1
        });
        if (asked.button.accept) {
          await commands.execute(Commands.guide);
        }
      }
    });
    let open: MainAreaWidget | null = null;
    commands.addCommand(Commands.guide, {
      label: trans.__('nb2flow: Guide'),
      describedBy,
      execute: async () => {
        if (!open || open.isDisposed) {
          const content = rendermime.createRenderer(MARKDOWN);
          await content.renderModel(new MimeModel({ trusted: false, data: { [MARKDOWN]: await guideText() } }));
          content.addClass('nb2flow-Guide');
          open = new MainAreaWidget({ content });
          content.node.tabIndex = 0; // it scrolls, also by keys
          open.id = 'nb2flow-guide';
          open.title.label = trans.__('nb2flow: Guide');
          open.title.icon = flowIcon;
          open.title.closable = true;
          app.shell.add(open, 'main');
        }
        app.shell.activateById(open.id);
      }
    });
    for (const command of [Commands.help, Commands.guide]) {
      palette?.addItem({ command, category: 'nb2flow' });
    }
  }
};
