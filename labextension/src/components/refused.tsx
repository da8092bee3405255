// Why something could not be done, in place: a pill that says what kind of thing it is, a sentence, what to do.

import React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';

export interface IRefusedProps {
  pill: string;
  message: string;
  hint: string;
  /** It has been read; without this it stays for as long as it is so. */
  onRead?: () => void;
  trans: TranslationBundle;
}

export function Refused({ pill, message, hint, onRead, trans }: IRefusedProps): React.JSX.Element {
  return (
    <div className="nb2flow-Fault nb2flow-Refused" role="alert">
      <span className="nb2flow-Pill">{pill}</span> <strong>{message}</strong> {hint}
      {onRead && (
        <div className="nb2flow-Buttons">
          <button type="button" className="nb2flow-Button" onClick={onRead}>
            {trans.__('Dismiss')}
          </button>
        </div>
      )}
    </div>
  );
}
