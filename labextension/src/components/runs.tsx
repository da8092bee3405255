// The table of runs, and two runs side by side.

import React, { useState } from 'react';
import type { CompareReply, RunSummary } from '../api';
import type { Fault } from '../client';
import type { TranslationBundle } from '@jupyterlab/translation';
import { active, mark, span, taken, when } from '../model/words';

export interface IRunsProps {
  runs: RunSummary[];
  fault: Fault | null;
  trans: TranslationBundle;
  onShow: (run: RunSummary) => void;
  onReport: (run: string) => void;
  onDelete: (run: string) => void;
  onCancel: (run: string) => void;
  onResume: (run: string) => void;
  compare: (left: string, right: string) => Promise<CompareReply>;
  onDiff: (left: string, right: string) => void;
}

export function RunsView(props: IRunsProps): React.JSX.Element {
  const { runs, fault, trans } = props;
  const [filter, setFilter] = useState('');
  const [picked, setPicked] = useState<string[]>([]);
  const [compared, setCompared] = useState<CompareReply | string | null>(null);
  const shown = runs.filter(run => textOf(run).includes(filter.toLowerCase()));
  const pick = (run: string, on: boolean): void =>
    setPicked(on ? [...picked.slice(-1), run] : picked.filter(id => id !== run));
  const pair = picked.filter(id => runs.some(run => run.run === id));
  const compare = (): void => {
    const [left, right] = pair;
    props.compare(left, right).then(setCompared, error => setCompared(String((error as Error).message)));
  };
  return (
    <div className="nb2flow-Runs">
      <header>
        <h2>{trans.__('Runs')}</h2>
        <input
          className="jp-mod-styled"
          type="search"
          value={filter}
          placeholder={trans.__('Filter: notebook, status, parameter…')}
          aria-label={trans.__('Filter runs')}
          onChange={event => setFilter(event.target.value)}
        />
        <button type="button" className="nb2flow-Button" disabled={pair.length !== 2} onClick={compare}>
          {trans.__('Compare Two')}
        </button>
      </header>
      {fault && (
        <p className="nb2flow-Fault" role="alert">
          <strong>{fault.message}</strong> {fault.hint}
        </p>
      )}
      {typeof compared === 'string' && <p className="nb2flow-Fault">{compared}</p>}
      {compared !== null && typeof compared === 'object' && (
        <Compared
          reply={compared}
          trans={trans}
          onClose={() => setCompared(null)}
          onDiff={() => props.onDiff(compared.left.run, compared.right.run)}
        />
      )}
      {runs.length === 0 && !fault ? (
        <p className="nb2flow-Note">{trans.__('No runs yet. Open a notebook and press “Run Flow” in its toolbar.')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th>
                <span className="nb2flow-Hidden">{trans.__('Compare')}</span>
              </th>
              <th>{trans.__('Status')}</th>
              <th>{trans.__('Notebook')}</th>
              <th>{trans.__('Steps')}</th>
              <th>{trans.__('Started')}</th>
              <th>{trans.__('Took')}</th>
              <th>{trans.__('Parameters')}</th>
              <th>
                <span className="nb2flow-Hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(run => (
              <Row
                key={run.run}
                run={run}
                picked={picked.includes(run.run)}
                onPick={on => pick(run.run, on)}
                {...props}
              />
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function textOf(run: RunSummary): string {
  const parameters = Object.entries(run.parameters).map(([k, v]) => `${k}=${JSON.stringify(v)}`);
  return [run.run, run.notebook, run.status, run.engine, ...run.failed, ...parameters].join(' ').toLowerCase();
}

type RowProps = IRunsProps & { run: RunSummary; picked: boolean; onPick: (on: boolean) => void };

function Row({ run, picked, onPick, trans, ...does }: RowProps): React.JSX.Element {
  const going = active(run.status);
  const button = (text: string, act: () => void): React.JSX.Element => (
    <button type="button" className="nb2flow-Button" onClick={act} aria-label={`${text} ${run.run}`}>
      {text}
    </button>
  );
  return (
    <tr data-run={run.run}>
      <td>
        <input
          type="checkbox"
          checked={picked}
          aria-label={trans.__('Compare run %1', run.run)}
          onChange={event => onPick(event.target.checked)}
        />
      </td>
      <td>
        <span className="nb2flow-Status" data-status={run.status}>
          {mark(run.status)} {run.status}
        </span>
      </td>
      <td>
        <button type="button" className="nb2flow-Link" title={run.run} onClick={() => does.onShow(run)}>
          {run.notebook}
        </button>
        {run.failed.length > 0 && (
          <span className="nb2flow-Note"> {trans.__('failed: %1', run.failed.join(', '))}</span>
        )}
      </td>
      <td>
        {run.done}/{run.steps}
      </td>
      <td>{when(run.created_at)}</td>
      <td>{span(taken(run))}</td>
      <td className="nb2flow-Runs-parameters">
        {Object.entries(run.parameters)
          .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
          .join(' ')}
      </td>
      <td className="nb2flow-Buttons">
        {going && button(trans.__('Cancel'), () => does.onCancel(run.run))}
        {!going && run.status !== 'succeeded' && button(trans.__('Resume'), () => does.onResume(run.run))}
        {!going && button(trans.__('Report'), () => does.onReport(run.run))}
        {!going && button(trans.__('Delete'), () => does.onDelete(run.run))}
      </td>
    </tr>
  );
}

interface IComparedProps {
  reply: CompareReply;
  trans: TranslationBundle;
  onClose: () => void;
  onDiff: () => void;
}

function Compared({ reply, trans, onClose, onDiff }: IComparedProps): React.JSX.Element {
  const rows: [string, string, string, boolean][] = [
    ...reply.parameters.map(p => [p.name, p.left ?? '', p.right ?? '', p.same] as [string, string, string, boolean]),
    ...reply.metrics.map(m => [m.name, m.left ?? '', m.right ?? '', m.same] as [string, string, string, boolean]),
    ...reply.steps.map(
      s =>
        [
          s.name,
          `${s.left_status ?? '—'} ${span(s.left_seconds)}`,
          `${s.right_status ?? '—'} ${span(s.right_seconds)}`,
          s.same_key
        ] as [string, string, string, boolean]
    ),
    ...reply.edges.map(
      e =>
        [`${e.source} → ${e.target}`, e.left?.join(', ') ?? '—', e.right?.join(', ') ?? '—', false] as [
          string,
          string,
          string,
          boolean
        ]
    )
  ];
  return (
    <section className="nb2flow-Compared" aria-label={trans.__('Two runs side by side')}>
      <table>
        <thead>
          <tr>
            <th></th>
            <th>{reply.left.run}</th>
            <th>{reply.right.run}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, left, right, same], i) => (
            <tr key={i} className={same ? '' : 'nb2flow-mod-differs'}>
              <th scope="row">{name}</th>
              <td>{left}</td>
              <td>{right}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="nb2flow-Buttons">
        <button type="button" className="nb2flow-Button" onClick={onDiff}>
          {trans.__('Compare Notebooks')}
        </button>
        <button type="button" className="nb2flow-Button" onClick={onClose}>
          {trans.__('Close')}
        </button>
      </div>
    </section>
  );
}
