// Why one step comes after another, in words, with the lines of code that say so.

import React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IEdge } from '../model/graph';

export interface IWhyProps {
  edge: IEdge;
  onReveal: (cellId: string, line?: number) => void;
  trans: TranslationBundle;
}

export function Why({ edge, onReveal, trans }: IWhyProps): React.JSX.Element {
  return (
    <div className="nb2flow-Why">
      <div className="nb2flow-Why-title">
        {edge.source} → {edge.target}
      </div>
      <ul>
        {edge.reasons.map((reason, i) => (
          <li key={i} className={reason.hidden ? 'nb2flow-mod-hidden' : ''}>
            {reason.hidden && <span className="nb2flow-Pill">{trans.__('hidden state')}</span>}
            <span>{reason.words}</span>
            {reason.sites.map((site, j) => (
              <div key={j} className="nb2flow-Why-site" data-role={site.role}>
                {site.role === 'defined'
                  ? trans.__('defined in cell %1, line %2', site.cell + 1, site.line)
                  : trans.__('used in cell %1, line %2', site.cell + 1, site.line)}
                <button
                  type="button"
                  className="nb2flow-Code"
                  title={trans.__('Go to line %1 of this cell', site.line)}
                  onClick={() => onReveal(site.cell_id, site.line)}
                >
                  {site.code.trim()}
                </button>
              </div>
            ))}
          </li>
        ))}
      </ul>
    </div>
  );
}
