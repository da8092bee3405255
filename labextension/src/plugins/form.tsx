// The form for a step's settings, in JupyterLab's property inspector.

import React from 'react';
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTools, NotebookTools } from '@jupyterlab/notebook';
import { ReactWidget } from '@jupyterlab/apputils';
import { ISignal, Signal } from '@lumino/signaling';
import { PanelLayout } from '@lumino/widgets';
import type { FlowStep } from '../api';
import { StepForm } from '../components/form';
import { changed, Field, FIELDS, ICellSettings, shown } from '../model/options';
import { Session, settingsOf, tagsOf } from '../model/session';
import { IFlows } from '../tokens';

/** A tool of the inspector that draws the form for the active cell's step. */
class StepTool extends NotebookTools.Tool {
  private readonly moved = new Signal<this, void>(this);
  private followed: Session | null = null;

  constructor(private readonly flows: IFlows) {
    super();
    this.addClass('nb2flow-StepTool');
    const layout = (this.layout = new PanelLayout());
    layout.addWidget(new FormWidget(() => this.draw(), this.moved));
    flows.currentChanged.connect(this.follow, this);
    this.follow();
  }

  protected override onActiveCellChanged(): void {
    this.moved.emit();
  }

  private follow(): void {
    this.followed?.changed.disconnect(this.again, this);
    this.followed = this.flows.current;
    this.followed?.changed.connect(this.again, this);
    this.moved.emit();
  }

  private again(): void {
    this.moved.emit();
  }

  private draw(): React.JSX.Element {
    const session = this.flows.current;
    const cell = session?.panel.content.activeCell ?? null;
    const place = session && cell ? session.place(cell.model.id) : null;
    const step = session?.good?.steps.find(s => place?.kind === 'step' && s.name === place.name) ?? null;
    const cells = session && step ? cellsOf(session, step) : [];
    const values = Object.fromEntries(FIELDS.map(f => [f, step ? shown(f, step.options, cells) : '']));
    const ids = new Set(step?.cells);
    const problems = (session?.diagnostics ?? []).filter(
      d => d.cell_id !== null && ids.has(d.cell_id) && /^NB2/.test(d.code)
    );
    return (
      <StepForm
        step={step?.name ?? null}
        values={values as Record<Field, string>}
        problems={problems}
        // As the cells are then, not as they were drawn: two fields may be left between two drawings.
        onChange={(field, text) => session && step && session.set(changed(field, text, cellsOf(session, step)))}
        trans={this.flows.trans}
      />
    );
  }
}

class FormWidget extends ReactWidget {
  constructor(
    private readonly draw: () => React.JSX.Element,
    redraw: ISignal<unknown, void>
  ) {
    super();
    redraw.connect(() => this.update());
  }

  protected override render(): React.JSX.Element {
    return this.draw();
  }
}

function cellsOf(session: Session, step: FlowStep): ICellSettings[] {
  const models = new Map(session.models.map(model => [model.id, model]));
  return step.cells.flatMap(id => {
    const model = models.get(id);
    return model ? [{ id, tags: tagsOf(model), nb2flow: settingsOf(model) }] : [];
  });
}

export const form: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:step-form',
  description: "The form for a step's settings, in the property inspector.",
  autoStart: true,
  requires: [IFlows, INotebookTools],
  activate: (_: JupyterFrontEnd, flows: IFlows, tools: INotebookTools): void => {
    tools.addSection({ sectionName: 'nb2flow', label: flows.trans.__('Pipeline Step'), rank: 5 });
    const tool = new StepTool(flows);
    tools.addItem({ tool, section: 'nb2flow', rank: 1 });
    // Sections begin collapsed; this one is short.
    for (let above = tool.parent; above; above = above.parent) {
      if ('collapsed' in above) {
        above.collapsed = false;
        break;
      }
    }
  }
};
