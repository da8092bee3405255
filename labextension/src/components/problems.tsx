// What is wrong with the notebook, each with a way to it and, where there is one, a fix in one click.

import React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CellTags, Diagnostic } from '../api';

export interface IProblemsProps {
  diagnostics: Diagnostic[];
  onReveal: (cellId: string, line?: number) => void;
  onFix: (changes: CellTags[]) => void;
  trans: TranslationBundle;
}

export function Problems({ diagnostics, onReveal, onFix, trans }: IProblemsProps): React.JSX.Element | null {
  if (!diagnostics.length) {
    return null;
  }
  return (
    <ul className="nb2flow-Problems" aria-label={trans.__('Problems')}>
      {diagnostics.map((found, i) => (
        <li key={i} data-severity={found.severity}>
          <button
            type="button"
            className="nb2flow-Problem"
            disabled={found.cell_id === null}
            onClick={() => found.cell_id !== null && onReveal(found.cell_id, found.line ?? undefined)}
          >
            <span className="nb2flow-Problem-code">{found.code}</span> {found.message}
          </button>
          {found.hint && <p className="nb2flow-Note">{found.hint}</p>}
          {found.fix && (
            <button
              type="button"
              className="nb2flow-Button"
              onClick={() => onFix((found.fix as NonNullable<typeof found.fix>).changes)}
            >
              {found.fix.title}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
