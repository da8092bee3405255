// Draws a badge on each cell of each open notebook: its step, how that fares, and what is wrong with the cell.

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { draw, IBadge } from '../components/badge';
import { instancesOf } from '../model/graph';
import { roleOf } from '../model/tags';
import { Session, tagsOf } from '../model/session';
import { Commands, IFlows } from '../tokens';

const ID = 'nb2flow:badges';

/** What the badge of each cell shows, by cell id. */
function badgesOf(session: Session): Map<string, IBadge> {
  const steps = new Map(session.run?.steps.map(step => [step.name, step]));
  const problems = new Map<string, IBadge['diagnostics']>();
  for (const diagnostic of session.diagnostics) {
    if (diagnostic.cell_id !== null) {
      problems.set(diagnostic.cell_id, [...(problems.get(diagnostic.cell_id) ?? []), diagnostic]);
    }
  }
  const badges = new Map<string, IBadge>();
  const begun = new Set<string>();
  for (const cell of session.models) {
    const own = roleOf(tagsOf(cell));
    // What the author says of a cell stands, also where the flow makes it part of a step for what it does.
    const place =
      own && own.kind !== 'step' ? { kind: own.kind, name: '', hue: -1, first: true } : session.place(cell.id);
    const first = place?.kind === 'step' ? !begun.has(place.name) : (place?.first ?? false);
    if (place?.kind === 'step') {
      begun.add(place.name);
    }
    const step = place?.kind === 'step' ? steps.get(place.name) : undefined;
    const runs = step ? [step, ...instancesOf(step.name, session.run)] : [];
    const failed = runs.some(one => one.status === 'failed' && one.failure?.cell_id === cell.id);
    const running = runs.some(one => one.status === 'running' && one.cell_id === cell.id);
    const told = step && (first || failed || running) && step.status !== 'waiting' ? step.status : null;
    badges.set(cell.id, {
      place: place && { ...place, first },
      own: own !== null,
      status: told,
      here: failed || running,
      diagnostics: problems.get(cell.id) ?? []
    });
  }
  return badges;
}

export const badges: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'A badge on each cell with its step.',
  autoStart: true,
  requires: [IFlows],
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, flows: IFlows, registry: ISettingRegistry | null): void => {
    let shown = true;
    const redraw = (session: Session): void => {
      if (session.isDisposed || !session.panel.context.isReady) {
        return;
      }
      const made = badgesOf(session);
      for (const widget of session.panel.content.widgets) {
        draw(widget.node, shown ? (made.get(widget.model.id) ?? null) : null, flows.trans);
      }
    };
    const follow = (session: Session): void => {
      session.changed.connect(redraw);
      session.panel.content.modelContentChanged.connect(() => redraw(session));
      session.panel.content.node.addEventListener('click', event => {
        const button = (event.target as Element).closest('.nb2flow-Badge button');
        const node = button?.closest('.jp-Cell');
        const index = session.panel.content.widgets.findIndex(widget => widget.node === node);
        if (button && index >= 0) {
          event.stopPropagation();
          session.panel.content.activeCellIndex = index;
          const problem = button.classList.contains('nb2flow-Badge-problem');
          const { left, bottom } = button.getBoundingClientRect();
          void app.commands.execute(problem ? Commands.showFlow : Commands.cellMenu, { x: left, y: bottom });
        }
      });
    };
    flows.sessions.forEach(follow);
    flows.opened.connect((_, session) => follow(session));
    void registry?.load(ID).then(settings => {
      const read = (): void => {
        shown = settings.get('badges').composite !== false;
        flows.sessions.forEach(redraw);
      };
      settings.changed.connect(read);
      read();
    });
  }
};
