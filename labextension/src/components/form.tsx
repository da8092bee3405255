// The settings of a step, in the property inspector. Each field is written when it is left, and only if it was changed.

import React, { useEffect, useState } from 'react';
import type { Diagnostic } from '../api';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Field, FIELDS } from '../model/options';

export interface IFormProps {
  step: string | null;
  values: Record<Field, string>;
  problems: Diagnostic[];
  onChange: (field: Field, text: string) => void;
  trans: TranslationBundle;
}

const EXAMPLES: Record<Field, string> = {
  gpu: '1', cpu: '4', memory: '16Gi', disk: '20Gi', image: 'python:3.12', retries: '2', timeout: '2h',
  after: 'load, split', each: 'files', metric: 'error', artifact: 'model', secret: 'API_TOKEN', cache: ''
}; // prettier-ignore

export function StepForm({ step, values, problems, onChange, trans }: IFormProps): React.JSX.Element {
  if (step === null) {
    return <p className="nb2flow-Note">{trans.__('This cell belongs to no step.')}</p>;
  }
  const words: Record<Field, string> = {
    gpu: trans.__('GPUs'),
    cpu: trans.__('Processors'),
    memory: trans.__('Memory'),
    disk: trans.__('Disk'),
    image: trans.__('Image'),
    retries: trans.__('Retries'),
    timeout: trans.__('Time limit'),
    after: trans.__('After steps'),
    each: trans.__('For each of'),
    metric: trans.__('Metrics'),
    artifact: trans.__('Artifacts'),
    secret: trans.__('Secrets'),
    cache: trans.__('Run even if unchanged')
  };
  return (
    <form className="nb2flow-Form" onSubmit={event => event.preventDefault()}>
      <p className="nb2flow-Form-step">{trans.__('Step %1', step)}</p>
      {FIELDS.map(field =>
        field === 'cache' ? (
          <label key={field} className="nb2flow-RunForm-check">
            <input
              type="checkbox"
              checked={values.cache === 'off'}
              onChange={event => onChange('cache', event.target.checked ? 'off' : '')}
            />
            {words.cache}
          </label>
        ) : (
          <Row key={`${step} ${field}`} field={field} label={words[field]} value={values[field]} onChange={onChange} />
        )
      )}
      {problems.map((found, i) => (
        <p key={i} className="nb2flow-Fault" role="alert">
          {found.code} {found.message} {found.hint}
        </p>
      ))}
    </form>
  );
}

interface IRowProps {
  field: Field;
  label: string;
  value: string;
  onChange: (field: Field, text: string) => void;
}

function Row({ field, label, value, onChange }: IRowProps): React.JSX.Element {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const id = `nb2flow-form-${field}`;
  const done = (): void => {
    if (text !== value) {
      onChange(field, text);
    }
  };
  return (
    <div className="nb2flow-Form-row">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="jp-mod-styled"
        value={text}
        placeholder={EXAMPLES[field]}
        spellCheck={false}
        onChange={event => setText(event.target.value)}
        onBlur={done}
        onKeyDown={event => event.key === 'Enter' && done()}
      />
    </div>
  );
}
