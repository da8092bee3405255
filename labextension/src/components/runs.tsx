// The table of runs, and two runs side by side.

import React, { useState } from 'react';
import type { CompareReply, RunSummary } from '../api';
import type { Fault } from '../client';
import type { TranslationBundle } from '@jupyterlab/translation';
import { active, mark, span, taken, when, word } from '../model/words';

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
  onDiff: (left: string, right: string, step?: string) => void;
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
          onDiff={step => props.onDiff(compared.left.run, compared.right.run, step)}
        />
      )}
      {runs.length === 0 && !fault ? (
        <p className="nb2flow-Note">{trans.__('No runs yet. Open a notebook and press “Run Flow” in its toolbar.')}</p>
      ) : (
        <table className="nb2flow-Runs-list">
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
          {mark(run.status)} {word(run.status, trans)}
        </span>
      </td>
      <td>
        <button type="button" className="nb2flow-Link" title={run.run} onClick={() => does.onShow(run)}>
          {run.notebook}
        </button>
        {run.failed.length > 0 && (
          <span className="nb2flow-Note"> {trans.__('failed: %1', run.failed.join(', '))}</span>
        )}
        {run.gave_up && <span className="nb2flow-Note"> {run.gave_up.message}</span>}
      </td>
      <td>
        {run.done}/{run.steps}
      </td>
      <td className="nb2flow-Runs-when">{when(run.created_at)}</td>
      <td className="nb2flow-Runs-when">{span(taken(run))}</td>
      <td className="nb2flow-Runs-parameters">
        {Object.entries(run.parameters)
          .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
          .join(' ')}
      </td>
      <td className="nb2flow-Runs-does">
        <div className="nb2flow-Buttons">
          {going && button(trans.__('Cancel'), () => does.onCancel(run.run))}
          {!going && run.status !== 'succeeded' && button(trans.__('Resume'), () => does.onResume(run.run))}
          {!going && button(trans.__('Report'), () => does.onReport(run.run))}
          {!going && button(trans.__('Delete'), () => does.onDelete(run.run))}
        </div>
      </td>
    </tr>
  );
}

interface IComparedProps {
  reply: CompareReply;
  trans: TranslationBundle;
  onClose: () => void;
  onDiff: (step?: string) => void;
}

/** One line of the comparison; `step`: its executed notebooks can be compared. */
interface ILine {
  name: string;
  left: string;
  right: string;
  same: boolean;
  step?: boolean;
}

function Compared({ reply, trans, onClose, onDiff }: IComparedProps): React.JSX.Element {
  const pair = (p: CompareReply['metrics'][number]): ILine => ({
    name: p.name,
    left: p.left ?? '—',
    right: p.right ?? '—',
    same: p.same
  });
  const ran = (status: string | null): boolean => status !== null && !['waiting', 'skipped'].includes(status);
  const steps: ILine[] = reply.steps.map(s => ({
    name: s.name,
    left: `${s.left_status ?? '—'} ${span(s.left_seconds)}`,
    right: `${s.right_status ?? '—'} ${span(s.right_seconds)}`,
    same: s.same_key,
    step: ran(s.left_status) && ran(s.right_status)
  }));
  const edges: ILine[] = reply.edges.map(e => ({
    name: `${e.source} → ${e.target}`,
    left: e.left?.join(', ') ?? '—',
    right: e.right?.join(', ') ?? '—',
    same: false
  }));
  const parts: [string, ILine[]][] = [
    [trans.__('Parameters'), reply.parameters.map(pair)],
    [trans.__('Metrics'), reply.metrics.map(pair)],
    [trans.__('Steps'), steps],
    [trans.__('Flow'), edges],
    [trans.__('Versions'), reply.versions.filter(v => !v.same).map(pair)]
  ];
  return (
    <section className="nb2flow-Compared" aria-label={trans.__('Two runs side by side')}>
      <table>
        <thead>
          <tr>
            <th>{reply.left.notebook}</th>
            <th>{reply.left.run}</th>
            <th>{reply.right.run}</th>
            <th>
              <span className="nb2flow-Hidden">{trans.__('Notebook of the step')}</span>
            </th>
          </tr>
        </thead>
        {parts
          .filter(([, lines]) => lines.length > 0)
          .map(([title, lines]) => (
            <tbody key={title}>
              <tr>
                <th scope="rowgroup" colSpan={4}>
                  {title}
                </th>
              </tr>
              {lines.map(line => (
                <tr key={line.name} className={line.same ? '' : 'nb2flow-mod-differs'}>
                  <th scope="row">{line.name}</th>
                  <td>{line.left}</td>
                  <td>{line.right}</td>
                  <td>
                    {line.step && (
                      <button
                        type="button"
                        className="nb2flow-Button"
                        aria-label={trans.__('Diff of step %1', line.name)}
                        onClick={() => onDiff(line.name)}
                      >
                        {trans.__('Diff')}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          ))}
      </table>
      <div className="nb2flow-Buttons">
        <button type="button" className="nb2flow-Button" onClick={() => onDiff()}>
          {trans.__('Compare Notebooks')}
        </button>
        <button type="button" className="nb2flow-Button" onClick={onClose}>
          {trans.__('Close')}
        </button>
      </div>
    </section>
  );
}
