// The keys and the ways in, in one look.

import React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';

export function Help({ trans }: { trans: TranslationBundle }): React.JSX.Element {
  const keys: [string, string][] = [
    ['N S', trans.__('new step here')],
    ['N N', trans.__('same step as above')],
    ['N R', trans.__('rename the step')],
    ['N P', trans.__('parameters')],
    ['N U', trans.__('set-up: imports, definitions')],
    ['N K', trans.__('skip: no part of the pipeline')],
    ['N X', trans.__('take the tag away')],
    ['N M', trans.__('the menu of the badge')],
    ['N G', trans.__('the flow panel')],
    ['N Enter', trans.__('run as a pipeline')]
  ];
  return (
    <div className="nb2flow-Help">
      <p>
        {trans.__(
          'A notebook’s cells are tagged with steps; the panel shows what flows between them; “Run Flow” runs them, independent ones side by side.'
        )}
      </p>
      <dl className="nb2flow-Metrics">
        {keys.map(([key, words]) => (
          <React.Fragment key={key}>
            <dt>{key}</dt>
            <dd>{words}</dd>
          </React.Fragment>
        ))}
      </dl>
      <p>{trans.__('Keys are pressed one after the other, in command mode, and act on the selected cells.')}</p>
    </div>
  );
}
