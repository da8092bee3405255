// Suggested steps, before anything is written.

import React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { SuggestReply } from '../api';

export function Suggestion({ reply, trans }: { reply: SuggestReply; trans: TranslationBundle }): React.JSX.Element {
  return (
    <div className="nb2flow-Suggest">
      {reply.message && <p>{reply.message}</p>}
      <ol className="nb2flow-List">
        {reply.steps.map((step, index) => (
          <li key={step.name} data-hue={index % 8}>
            <span className="nb2flow-List-step">
              <span className="nb2flow-List-name">{step.name}</span>
              <span className="nb2flow-List-cells">
                {step.title && `“${step.title}” · `}
                {trans._n('%1 cell', '%1 cells', step.cells.length)}
              </span>
            </span>
          </li>
        ))}
      </ol>
      <p className="nb2flow-Note">
        {trans._n('%1 cell gets a tag', '%1 cells get a tag', reply.changes.length)}{' '}
        {reply.setup.length > 0 && trans.__('(set-up included)')} {trans.__('One undo takes it all back.')}
      </p>
    </div>
  );
}
