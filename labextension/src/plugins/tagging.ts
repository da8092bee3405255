// Commands that tag cells: by keyboard, context menu, palette, and the menu that a click on a badge opens. They act on
// the selected cells, and write nothing but tags.

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { Menu } from '@lumino/widgets';
import { ask } from '../components/badge';
import { Session, tagsOf } from '../model/session';
import { fresh, guessName, IRole, ITagChange, label, renamed, roleOf, toRole } from '../model/tags';
import { Commands, IFlows } from '../tokens';

/** The cells that a command is about: the one under the context menu unless it is selected, else the selected ones. */
function targets(app: JupyterFrontEnd, session: Session, fromMenu: boolean): Cell[] {
  const notebook = session.panel.content;
  const selected = notebook.widgets.filter(cell => notebook.isSelectedOrActive(cell));
  const hit = fromMenu ? app.contextMenuHitTest(node => node.classList.contains('jp-Cell')) : undefined;
  const under = hit && notebook.widgets.find(cell => cell.node === hit);
  return under && !selected.includes(under) ? [under] : selected;
}

function tagAll(session: Session, cells: readonly Cell[], role: IRole | null): void {
  const changes = cells
    .filter(cell => cell.model.type === 'code')
    .map(cell => toRole(cell.model.id, tagsOf(cell.model), role))
    .filter((change): change is ITagChange => change !== null);
  if (changes.length) {
    session.apply(changes);
  }
}

/** The step that the code above this cell belongs to. */
function stepAbove(session: Session, cell: Cell): string | null {
  const models = session.models;
  for (let index = models.indexOf(cell.model) - 1; index >= 0; index--) {
    const own = roleOf(tagsOf(models[index]));
    const place = session.place(models[index].id);
    const name = own?.kind === 'step' ? own.name : place?.kind === 'step' ? place.name : '';
    if (name) {
      return name;
    }
  }
  return null;
}

async function named(session: Session, cell: Cell, initial: string, flows: IFlows): Promise<string | null> {
  const typed = await ask(cell.node, initial, flows.trans);
  session.panel.content.activate();
  session.poke();
  if (typed === null || !typed.trim()) {
    return null;
  }
  const name = label(typed);
  if (!name) {
    Notification.warning(flows.trans.__('A name needs a letter or digit: “%1” has none.', typed), { autoClose: 5000 });
    return null;
  }
  return name;
}

async function newStep(session: Session, cells: Cell[], flows: IFlows): Promise<void> {
  const code = cells.filter(cell => cell.model.type === 'code');
  if (!code.length) {
    Notification.info(flows.trans.__('Only code cells are steps.'), { autoClose: 4000 });
    return;
  }
  const taken = session.flow?.steps.map(step => step.name) ?? [];
  const guess = fresh(guessName(code[0].model.sharedModel.getSource(), taken.length + 1), taken);
  const name = await named(session, code[0], guess, flows);
  if (name) {
    tagAll(session, code, { kind: 'step', name });
  }
}

async function rename(session: Session, cell: Cell, flows: IFlows): Promise<void> {
  const place = session.place(cell.model.id);
  const own = roleOf(tagsOf(cell.model));
  const from = own?.kind === 'step' ? label(own.name) : place?.kind === 'step' ? place.name : null;
  if (from === null) {
    return newStep(session, [cell], flows);
  }
  const to = await named(session, cell, from, flows);
  if (!to || to === from) {
    return;
  }
  const changes = renamed(
    session.models.map(model => ({ id: model.id, tags: tagsOf(model) })),
    from,
    to
  );
  if (changes.length) {
    session.apply(changes);
  } else {
    tagAll(session, [cell], { kind: 'step', name: to });
  }
}

function menuOf(app: JupyterFrontEnd, session: Session, cell: Cell, flows: IFlows): Menu {
  const { commands } = app;
  const menu = new Menu({ commands });
  const place = session.place(cell.model.id);
  menu.addClass('nb2flow-CellMenu');
  if (place?.kind === 'step') {
    menu.addItem({ command: Commands.renameStep });
  }
  menu.addItem({ command: Commands.newStep });
  const others = (session.flow?.steps ?? []).map(step => step.name).filter(name => name !== place?.name);
  if (others.length) {
    const submenu = new Menu({ commands });
    submenu.title.label = flows.trans.__('Move to Step');
    others.forEach(step => submenu.addItem({ command: Commands.sameStep, args: { step } }));
    menu.addItem({ type: 'submenu', submenu });
  }
  menu.addItem({ type: 'separator' });
  for (const command of [Commands.markParameters, Commands.markSetup, Commands.markSkip, Commands.removeTag]) {
    menu.addItem({ command });
  }
  if (place?.kind === 'step' && session.run) {
    menu.addItem({ type: 'separator' });
    const args = { step: place.name, run: session.run.summary.run };
    for (const command of [Commands.rerunFrom, Commands.rerunOnly, Commands.openInputs, Commands.openExecuted]) {
      menu.addItem({ command, args });
    }
  }
  return menu;
}

export const tagging: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:tagging',
  description: 'Commands that tag cells.',
  autoStart: true,
  requires: [IFlows],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, flows: IFlows, palette: ICommandPalette | null): void => {
    const { commands } = app;
    const { trans } = flows;
    const category = trans.__('nb2flow');
    const add = (
      id: string,
      text: string,
      act: (session: Session, cells: Cell[], args: Record<string, unknown>) => void | Promise<void>,
      words?: (args: Record<string, unknown>) => string
    ): void => {
      commands.addCommand(id, {
        label: args => words?.(args) ?? text,
        describedBy: {
          args: { type: 'object', properties: { fromMenu: { type: 'boolean' }, step: { type: 'string' } } }
        },
        isEnabled: () => flows.current !== null,
        execute: async args => {
          const session = flows.current;
          if (session) {
            await act(session, targets(app, session, args.fromMenu === true), args);
          }
        }
      });
      palette?.addItem({ command: id, category });
    };
    const mark = (id: string, text: string, role: IRole | null): void =>
      add(id, text, (session, cells) => tagAll(session, cells, role));

    add(Commands.newStep, trans.__('New Step Here…'), (session, cells) => newStep(session, cells, flows));
    add(
      Commands.sameStep,
      trans.__('Same Step as Above'),
      (session, cells, args) => {
        const name = typeof args.step === 'string' ? args.step : cells.length ? stepAbove(session, cells[0]) : null;
        if (name) {
          tagAll(session, cells, { kind: 'step', name });
        } else {
          Notification.info(trans.__('There is no step above.'), { autoClose: 4000 });
        }
      },
      args => (typeof args.step === 'string' ? args.step : trans.__('Same Step as Above'))
    );
    add(Commands.renameStep, trans.__('Rename Step…'), (session, cells) => rename(session, cells[0], flows));
    mark(Commands.markParameters, trans.__('Parameters'), { kind: 'parameters', name: '' });
    mark(Commands.markSetup, trans.__('Set-up (Imports, Definitions)'), { kind: 'setup', name: '' });
    mark(Commands.markSkip, trans.__('Skip (No Part of the Pipeline)'), { kind: 'skip', name: '' });
    mark(Commands.removeTag, trans.__('Remove Tag'), null);
    commands.addCommand(Commands.cellMenu, {
      label: trans.__('Tag Cell…'),
      describedBy: { args: { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' } } } },
      isEnabled: () => flows.current?.panel.content.activeCell !== null,
      execute: args => {
        const session = flows.current;
        const cell = session?.panel.content.activeCell;
        if (session && cell) {
          const { left, top } = cell.node.getBoundingClientRect();
          const menu = menuOf(app, session, cell, flows);
          menu.open(Number(args.x ?? left + 60), Number(args.y ?? Math.max(top, 60)));
        }
      }
    });
    palette?.addItem({ command: Commands.cellMenu, category });
  }
};
