// The flow as a list: all that the drawing shows, for narrow panels, keyboards and screen readers.

import React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IGraph } from '../model/graph';
import { mark, span, taken, word } from '../model/words';
import { Why } from './why';

export interface IListProps {
  graph: IGraph;
  selected: string | null;
  onSelect: (step: string) => void;
  onReveal: (cellId: string, line?: number) => void;
  trans: TranslationBundle;
}

export function StepList({ graph, selected, onSelect, onReveal, trans }: IListProps): React.JSX.Element {
  return (
    <ol className="nb2flow-List" aria-label={trans.__('Steps')}>
      {graph.nodes.map(node => {
        const before = graph.edges.filter(edge => edge.target === node.id);
        const status = node.run?.status;
        return (
          <li key={node.id} data-hue={node.hue}>
            <button
              type="button"
              className="nb2flow-List-step"
              aria-pressed={node.id === selected}
              onClick={() => onSelect(node.id)}
            >
              <span className="nb2flow-List-name">
                {node.id}
                {node.instances.length > 0 && <span className="nb2flow-Times">×{node.instances.length}</span>}
              </span>
              <span className="nb2flow-List-cells">
                {trans._n('%1 cell', '%1 cells', node.cells.length)}
                {node.options && ` · ${node.options}`}
              </span>
              {status && (
                <span className="nb2flow-Status" data-status={status}>
                  {mark(status)} {word(status, trans)} {span(taken(node.run as NonNullable<typeof node.run>))}
                </span>
              )}
            </button>
            {before.length > 0 && (
              <details>
                <summary>
                  {trans.__('after')}{' '}
                  {before.map(edge => `${edge.source}${edge.label ? ` (${edge.label})` : ''}`).join('; ')}
                </summary>
                {before.map(edge => (
                  <Why key={edge.id} edge={edge} onReveal={onReveal} trans={trans} />
                ))}
              </details>
            )}
            {node.notes.map(note => (
              <p key={note} className="nb2flow-Note">
                {note}
              </p>
            ))}
          </li>
        );
      })}
    </ol>
  );
}
