// The flow panel: the graph (as a drawing or a list), what is wrong, and the run.

import React, { Suspense, useEffect, useState } from 'react';
import type { Diagnostic, Flow, RunReply } from '../api';
import type { Fault } from '../client';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IGraph, INode } from '../model/graph';
import { active } from '../model/words';
import type { IActions } from './actions';
import { StepList } from './list';
import { Problems } from './problems';
import { Refused } from './refused';
import { RunHead, StepRun } from './run';

const Canvas = React.lazy(() => import('./canvas'));

export interface IFlowProps {
  name: string;
  flow: Flow | null;
  graph: IGraph | null;
  behind: boolean;
  fault: Fault | null;
  /** Why the run that was last asked for could not begin. */
  refused: { message: string; hint: string } | null;
  onRead: () => void;
  diagnostics: Diagnostic[];
  run: RunReply | null;
  view: 'drawing' | 'list';
  onView: (view: 'drawing' | 'list') => void;
  actions: IActions;
}

export function FlowView(props: IFlowProps): React.JSX.Element {
  const { flow, graph, run, actions, diagnostics, behind, fault, view, onView } = props;
  const { trans } = actions;
  const [selected, setSelected] = useState<string | null>(null);
  useTicks(run !== null && active(run.summary.status));
  // A step that has failed is what one wants to see; it is picked once, when that becomes known.
  const failed = run?.steps.find(step => step.failure && step.status === 'failed')?.name ?? null;
  const runId = run?.summary.run;
  useEffect(() => {
    if (failed) {
      setSelected(failed);
    }
  }, [failed, runId]);

  const select = (step: string): void => {
    setSelected(step);
    const cell = graph?.nodes.find(node => node.id === step)?.cells[0];
    if (cell) {
      actions.reveal(cell);
    }
  };
  const stepRun = run?.steps.find(step => step.name === selected) ?? null;
  // An instance is looked at within its step.
  const picked = graph?.nodes.find(node => node.id === (stepRun?.instance_of ?? selected)) ?? null;
  const untagged = flow !== null && flow.dialect !== 'nb2flow' && flow.dialect !== 'kale';
  const drawn = { selected: picked?.id ?? null, onSelect: select, onReveal: actions.reveal, trans };
  const views = [
    ['drawing', trans.__('Graph')],
    ['list', trans.__('List')]
  ] as const;
  return (
    <div className="nb2flow-Flow">
      <header>
        <button
          type="button"
          className="nb2flow-Button nb2flow-mod-primary"
          disabled={!flow?.runnable}
          onClick={() => actions.run()}
        >
          ▶ {trans.__('Run')}
        </button>
        <span className="nb2flow-Flow-words" title={props.name}>
          {flow ? trans._n('%1 step', '%1 steps', flow.steps.length) : trans.__('reading…')}
        </span>
        <span className="nb2flow-Switch" role="group" aria-label={trans.__('View')}>
          {views.map(([id, text]) => (
            <button key={id} type="button" aria-pressed={view === id} onClick={() => onView(id)}>
              {text}
            </button>
          ))}
        </span>
      </header>
      {fault && (
        <p className="nb2flow-Fault" role="alert">
          <strong>{fault.message}</strong> {fault.hint}
        </p>
      )}
      {props.refused && (
        <Refused {...props.refused} pill={trans.__('not started')} onRead={props.onRead} trans={trans} />
      )}
      {behind && (
        <div className="nb2flow-Banner">
          <span>{trans.__('A cell has a syntax error: this is the flow as it was before.')}</span>
        </div>
      )}
      {untagged && (
        <div className="nb2flow-Banner">
          <span>
            {flow.dialect === 'headings'
              ? trans.__('The headings make the steps.')
              : trans.__('No cell names a step yet.')}
          </span>
          <button type="button" className="nb2flow-Button" onClick={() => actions.suggest()}>
            {trans.__('Suggest Steps…')}
          </button>
        </div>
      )}
      {graph && graph.nodes.length > 0 && (
        <div className={`nb2flow-Flow-graph${behind ? ' nb2flow-mod-behind' : ''}`} data-view={view}>
          {view === 'drawing' ? (
            <Suspense fallback={<p className="nb2flow-Note">{trans.__('drawing…')}</p>}>
              <Canvas graph={graph} {...drawn} />
            </Suspense>
          ) : (
            <StepList graph={graph} {...drawn} />
          )}
        </div>
      )}
      <div className="nb2flow-Flow-below">
        <Problems diagnostics={diagnostics} onReveal={actions.reveal} onFix={actions.fix} trans={trans} />
        {run && <RunHead run={run} actions={actions} />}
        {run && picked && stepRun && <StepRun run={run} step={stepRun} onPick={setSelected} actions={actions} />}
        {picked && !stepRun && <StepPlan node={picked} trans={trans} />}
      </div>
    </div>
  );
}

/** What a step takes and gives, as long as it has not run. */
function StepPlan({ node, trans }: { node: INode; trans: TranslationBundle }): React.JSX.Element {
  return (
    <section className="nb2flow-Step" aria-label={trans.__('Step %1', node.id)}>
      <h3>{node.id}</h3>
      {node.inputs.length > 0 && (
        <p>
          {trans.__('loads')} {node.inputs.join(', ')}
        </p>
      )}
      {node.outputs.length > 0 && (
        <p>
          {trans.__('saves')} {node.outputs.join(', ')}
        </p>
      )}
    </section>
  );
}

/** Draw again each second while time goes on. */
function useTicks(going: boolean): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = going ? window.setInterval(() => tick(n => n + 1), 1000) : undefined;
    return () => window.clearInterval(timer);
  }, [going]);
}
