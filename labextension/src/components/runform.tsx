// What is asked before a run: parameters with types and defaults, and who runs the steps. One press of Enter starts it.

import React, { useEffect, useState } from 'react';
import type { Engine, Parameter } from '../api';
import type { TranslationBundle } from '@jupyterlab/translation';
import { defaultText, mistake } from '../model/parameters';

export interface IRunValues {
  texts: Record<string, string>;
  engine: string;
  useCache: boolean;
}

export interface IRunFormProps {
  parameters: Parameter[];
  engines: Engine[];
  steps: number;
  values: IRunValues;
  onChange: (values: IRunValues) => void;
  trans: TranslationBundle;
}

/** How an engine with its profile is told apart from others in the form. */
export function engineKey(engine: Engine): string {
  return engine.profile === null ? engine.name : `${engine.name}/${engine.profile}`;
}

export function RunForm({ parameters, engines, steps, values, onChange, trans }: IRunFormProps): React.JSX.Element {
  const [now, setNow] = useState(values);
  useEffect(() => onChange(now), [now, onChange]);
  return (
    <div className="nb2flow-RunForm">
      <p>{trans._n('%1 step will be run.', '%1 steps will be run; independent ones side by side.', steps)}</p>
      {parameters.map(parameter => {
        const text = now.texts[parameter.name] ?? defaultText(parameter);
        const wrong = mistake(parameter, text);
        const id = `nb2flow-parameter-${parameter.name}`;
        return (
          <div key={parameter.name} className="nb2flow-RunForm-row">
            <label htmlFor={id}>
              {parameter.name} <span>{parameter.type === 'any' ? '' : parameter.type}</span>
            </label>
            <input
              id={id}
              className="jp-mod-styled"
              value={text}
              aria-invalid={wrong !== ''}
              aria-describedby={wrong ? `${id}-wrong` : undefined}
              onChange={event => setNow({ ...now, texts: { ...now.texts, [parameter.name]: event.target.value } })}
            />
            {wrong && (
              <p id={`${id}-wrong`} className="nb2flow-Fault">
                {wrong}
              </p>
            )}
          </div>
        );
      })}
      {engines.length > 1 && (
        <div className="nb2flow-RunForm-row">
          <label htmlFor="nb2flow-engine">{trans.__('Where')}</label>
          <select
            id="nb2flow-engine"
            className="jp-mod-styled"
            value={now.engine}
            onChange={event => setNow({ ...now, engine: event.target.value })}
          >
            {engines.map(engine => (
              <option key={engineKey(engine)} value={engineKey(engine)}>
                {engine.title}
              </option>
            ))}
          </select>
        </div>
      )}
      <label className="nb2flow-RunForm-check">
        <input
          type="checkbox"
          checked={now.useCache}
          onChange={event => setNow({ ...now, useCache: event.target.checked })}
        />
        {trans.__('Take unchanged steps from earlier runs')}
      </label>
    </div>
  );
}
