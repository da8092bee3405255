// A run in the panel: how it stands, what can be done with it, and the step that was picked with its log or failure.

import React, { useEffect, useRef, useState } from 'react';
import type { RunReply, RunStep } from '../api';
import type { TranslationBundle } from '@jupyterlab/translation';
import { instancesOf } from '../model/graph';
import { active, done, mark, plain, span, taken, when, word } from '../model/words';
import type { IActions } from './actions';
import { Refused } from './refused';

export function RunHead({ run, actions }: { run: RunReply; actions: IActions }): React.JSX.Element {
  const { trans } = actions;
  const { summary } = run;
  const id = summary.run;
  const going = active(summary.status);
  const again = ['failed', 'cancelled', 'interrupted'].includes(summary.status);
  return (
    <section className="nb2flow-Run" aria-label={trans.__('Run')}>
      <div className="nb2flow-Run-head">
        <span className="nb2flow-Status" data-status={summary.status} role="status">
          {mark(summary.status)} {run.cancel_requested && going ? trans.__('stopping') : word(summary.status, trans)}
        </span>
        <span className="nb2flow-Run-words">
          {summary.done}/{summary.steps} · {span(taken(summary))} · {when(summary.created_at)}
        </span>
      </div>
      <progress max={summary.steps} value={summary.done} aria-label={trans.__('Steps done')} />
      <div className="nb2flow-Buttons">
        {going && (
          <button
            type="button"
            className="nb2flow-Button"
            disabled={run.cancel_requested}
            onClick={() => actions.cancel(id)}
          >
            {trans.__('Cancel')}
          </button>
        )}
        {again && (
          <button type="button" className="nb2flow-Button" onClick={() => actions.resume(id)}>
            {trans.__('Resume')}
          </button>
        )}
        {!going && (
          <button type="button" className="nb2flow-Button" onClick={() => actions.report(id)}>
            {trans.__('Report')}
          </button>
        )}
        {run.notebook_now !== 'missing' && (
          <button
            type="button"
            className="nb2flow-Button"
            title={trans.__('What is on the screen, beside what this run was made of')}
            onClick={() => actions.diffRun(id)}
          >
            {trans.__('Changes since')}
          </button>
        )}
      </div>
      {summary.gave_up && <Refused {...summary.gave_up} pill={trans.__('gave up')} trans={trans} />}
      {run.notebook_now === 'missing' && (
        <p className="nb2flow-Note">
          <span className="nb2flow-Pill">{trans.__('notebook gone')}</span>{' '}
          {trans.__(
            'It was deleted or renamed after this run began. The run has a copy of its own and needs no other.'
          )}
        </p>
      )}
      {run.metrics.length > 0 && (
        <dl className="nb2flow-Metrics">
          {run.metrics.map(metric => (
            <React.Fragment key={`${metric.step} ${metric.name}`}>
              <dt>{metric.name}</dt>
              <dd>{metric.value ?? (going ? '…' : '–')}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
    </section>
  );
}

export function StepRun({
  run,
  step,
  onPick,
  actions
}: {
  run: RunReply;
  step: RunStep;
  onPick: (step: string) => void;
  actions: IActions;
}): React.JSX.Element {
  const { trans } = actions;
  const id = run.summary.run;
  const button = (text: string, act: () => void): React.JSX.Element => (
    <button type="button" className="nb2flow-Button" onClick={act}>
      {text}
    </button>
  );
  const going = active(run.summary.status);
  // Whole steps can be run again, not one element of a list: what is done is kept anyway.
  const whole = step.instance_of ?? step.name;
  const instances = instancesOf(whole, run);
  return (
    <section className="nb2flow-Step" aria-label={trans.__('Step %1', step.name)}>
      <h3>
        {step.name}{' '}
        <span className="nb2flow-Status" data-status={step.status}>
          {mark(step.status)} {step.words || word(step.status, trans)}
        </span>
      </h3>
      {instances.length > 0 && (
        <Instances whole={whole} all={instances} step={step.name} onPick={onPick} trans={trans} />
      )}
      {step.failure && <Failed step={step} actions={actions} />}
      <div className="nb2flow-Buttons">
        {step.failure &&
          step.status === 'failed' &&
          button(trans.__('Open with Inputs'), () => actions.open(id, step.name, 'inputs'))}
        {step.has_notebook && button(trans.__('Executed Notebook'), () => actions.open(id, step.name, 'executed'))}
        {!going && button(trans.__('Run from Here'), () => actions.rerun(id, whole, 'from'))}
        {!going && button(trans.__('Run Only This'), () => actions.rerun(id, whole, 'only'))}
      </div>
      {step.notes.map(note => (
        <p key={note} className="nb2flow-Note">
          {note}
        </p>
      ))}
      {step.made.length > 0 && (
        <dl className="nb2flow-Made">
          {step.made.map(made => (
            <React.Fragment key={made.name}>
              <dt title={made.type}>{made.name}</dt>
              <dd>{made.preview}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
      {step.status !== 'waiting' && step.status !== 'skipped' && (step.has_notebook || !step.instances.length) && (
        <Log key={`${id} ${step.name}`} run={id} step={step} actions={actions} />
      )}
    </section>
  );
}

/** The step's runs, one for each element of its list, to pick from. */
function Instances(props: {
  whole: string;
  all: RunStep[];
  step: string;
  onPick: (step: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { whole, all, step, onPick, trans } = props;
  const ended = all.filter(one => done(one.status)).length;
  return (
    <div className="nb2flow-Instances" role="group" aria-label={trans.__('Runs of %1, one for each element', whole)}>
      <button
        type="button"
        className="nb2flow-Instance"
        aria-pressed={step === whole}
        title={trans.__('All elements together')}
        onClick={() => onPick(whole)}
      >
        {trans.__('all')} {ended}/{all.length}
      </button>
      {all.map(one => (
        <button
          key={one.name}
          type="button"
          className="nb2flow-Instance nb2flow-Status"
          data-status={one.status}
          aria-pressed={step === one.name}
          aria-label={`${one.name} ${word(one.status, trans)}`}
          title={`${one.name}: ${word(one.status, trans)} ${span(taken(one))}`}
          onClick={() => onPick(one.name)}
        >
          {mark(one.status)} {one.name.slice(whole.length)}
        </button>
      ))}
    </div>
  );
}

function Failed({ step, actions }: { step: RunStep; actions: IActions }): React.JSX.Element {
  const { trans } = actions;
  const failure = step.failure as NonNullable<RunStep['failure']>;
  const where = failure.cell_id;
  return (
    <div className="nb2flow-Failure" role="alert">
      <p>
        <strong>{failure.ename || failure.kind}</strong> {failure.evalue || failure.message}
      </p>
      {failure.source_line && (
        <button
          type="button"
          className="nb2flow-Code"
          onClick={() => where && actions.reveal(where, failure.line ?? undefined)}
        >
          {failure.line !== null && `${failure.line}: `}
          {failure.source_line.trim()}
        </button>
      )}
      {failure.hint && <p className="nb2flow-Note">{failure.hint}</p>}
      {where && (
        <div className="nb2flow-Buttons">
          <button
            type="button"
            className="nb2flow-Button"
            onClick={() => actions.reveal(where, failure.line ?? undefined)}
          >
            {trans.__('Go to the Failing Cell')}
          </button>
        </div>
      )}
      {failure.traceback.length > 0 && (
        <details open>
          <summary>{trans.__('Traceback')}</summary>
          <pre tabIndex={0}>{plain(failure.traceback.join('\n'))}</pre>
        </details>
      )}
    </div>
  );
}

/** What a step prints, followed until it ends. */
function Log({ run, step, actions }: { run: string; step: RunStep; actions: IActions }): React.JSX.Element {
  const { trans } = actions;
  const [text, setText] = useState('');
  const end = useRef<HTMLPreElement>(null);
  const follow = useRef(actions);
  follow.current = actions;
  const running = active(step.status);
  useEffect(() => {
    let over = false;
    let since = '';
    let timer: number | undefined;
    const ask = async (): Promise<void> => {
      try {
        const reply = await follow.current.log(run, step.name, since);
        if (over) {
          return;
        }
        since = reply.since;
        setText(old => (reply.reset ? reply.text : old + reply.text));
        if (!reply.ended) {
          timer = window.setTimeout(() => void ask(), 800);
        }
      } catch {
        timer = over ? undefined : window.setTimeout(() => void ask(), 4000);
      }
    };
    void ask();
    return () => {
      over = true;
      window.clearTimeout(timer);
    };
  }, [run, step.name, step.attempt, running]);
  useEffect(() => {
    const node = end.current;
    if (node && node.scrollHeight - node.scrollTop - node.clientHeight < 80) {
      node.scrollTop = node.scrollHeight;
    }
  }, [text]);
  return (
    <details open className="nb2flow-Log">
      <summary>{trans.__('Log')}</summary>
      <pre ref={end} tabIndex={0} aria-label={trans.__('Log of step %1', step.name)}>
        {plain(text) || (running ? trans.__('nothing yet') : trans.__('nothing was printed'))}
      </pre>
    </details>
  );
}
