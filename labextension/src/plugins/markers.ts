// Underlines in the code what diagnostics speak of. A CodeMirror extension holds the marks of one editor; they are set
// from outside whenever the flow has been read anew, and move with the text in between.

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { CodeMirrorEditor, EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { StateEffect, StateField, Text } from '@codemirror/state';
import { Decoration, DecorationSet, EditorView } from '@codemirror/view';
import type { Diagnostic } from '../api';
import { Session } from '../model/session';
import { IFlows } from '../tokens';

const setMarks = StateEffect.define<DecorationSet>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (now, transaction) => {
    let next = now.map(transaction.changes);
    for (const effect of transaction.effects) {
      next = effect.is(setMarks) ? effect.value : next;
    }
    return next;
  },
  provide: field => EditorView.decorations.from(field)
});

function decorations(document: Text, found: readonly Diagnostic[]): DecorationSet {
  const ranges = found.flatMap(diagnostic => {
    if (diagnostic.line === null || diagnostic.line > document.lines) {
      return [];
    }
    const line = document.line(diagnostic.line);
    const from = Math.min(line.to, line.from + (diagnostic.column ?? 0));
    const to = Math.min(line.to, line.from + (diagnostic.end_column ?? line.length));
    const [start, end] = from < to ? [from, to] : [line.from, line.to];
    if (start === end) {
      return [];
    }
    const title = [`${diagnostic.code}: ${diagnostic.message}`, diagnostic.hint].filter(Boolean).join('\n');
    const mark = Decoration.mark({ class: `nb2flow-Mark nb2flow-mod-${diagnostic.severity}`, attributes: { title } });
    return [mark.range(start, end)];
  });
  return Decoration.set(ranges, true);
}

function show(session: Session): void {
  const byCell = new Map<string, Diagnostic[]>();
  for (const diagnostic of session.diagnostics) {
    const id = diagnostic.cell_id;
    if (id !== null && diagnostic.line !== null) {
      byCell.set(id, [...(byCell.get(id) ?? []), diagnostic]);
    }
  }
  for (const cell of session.panel.content.widgets) {
    const view = cell.editor instanceof CodeMirrorEditor ? cell.editor.editor : null;
    const found = byCell.get(cell.model.id) ?? [];
    const held = view?.state.field(marks, false);
    if (view && held && (held.size > 0 || found.length > 0)) {
      view.dispatch({ effects: setMarks.of(decorations(view.state.doc, found)) });
    }
  }
}

export const markers: JupyterFrontEndPlugin<void> = {
  id: 'nb2flow:markers',
  description: 'Underlines in the code what is wrong with it as a pipeline.',
  autoStart: true,
  requires: [IFlows, IEditorExtensionRegistry],
  activate: (_: JupyterFrontEnd, flows: IFlows, registry: IEditorExtensionRegistry): void => {
    registry.addExtension(
      Object.freeze({
        name: 'nb2flow:markers',
        factory: () => EditorExtensionRegistry.createImmutableExtension(marks)
      })
    );
    const follow = (session: Session): void => {
      session.changed.connect(show);
    };
    flows.sessions.forEach(follow);
    flows.opened.connect((_, session) => follow(session));
  }
};
