// The graph that the panel draws: boxes and arrows with words, and how the steps of a run fare.

import type { Flow, FlowEdge, Reason, RunReply, RunStep } from '../api';

export interface INode {
  id: string;
  title: string;
  /** Which of the step colours it has. */
  hue: number;
  cells: string[];
  options: string;
  notes: string[];
  inputs: string[];
  outputs: string[];
  run: RunStep | null;
  /** The runs of the step for each element of its list; empty where it has none. */
  instances: RunStep[];
}

/** A line that a reason speaks of, and what that line does. */
export interface ISite {
  role: 'defined' | 'used';
  cell: number;
  cell_id: string;
  line: number;
  code: string;
}

export interface IEdge {
  id: string;
  source: string;
  target: string;
  label: string;
  hidden: boolean;
  reasons: { words: string; hidden: boolean; sites: ISite[] }[];
}

export interface IGraph {
  nodes: INode[];
  edges: IEdge[];
}

/** How many step colours the style sheet has. */
export const HUES = 8;

/** The graph of a flow, with how its steps fare in `run` (if there is one). */
export function graphOf(flow: Flow, run: RunReply | null): IGraph {
  const fares = new Map(run?.steps.map(step => [step.name, step]));
  const nodes = flow.steps.map((step, index) => ({
    id: step.name,
    title: step.title,
    hue: index % HUES,
    cells: step.cells,
    options: step.text,
    notes: step.notes,
    inputs: step.inputs.map(input => `${input.name} (${input.source})`),
    outputs: step.outputs,
    run: fares.get(step.name) ?? null,
    instances: instancesOf(step.name, run)
  }));
  return { nodes, edges: flow.edges.map(edgeOf) };
}

/** The instances of a step in a run, in the order of its list. */
export function instancesOf(step: string, run: RunReply | null): RunStep[] {
  return run?.steps.filter(one => one.instance_of === step) ?? [];
}

function edgeOf(edge: FlowEdge): IEdge {
  return {
    id: `${edge.source}>${edge.target}`,
    source: edge.source,
    target: edge.target,
    label: edge.label || shortened(edge.carries),
    hidden: edge.hidden,
    reasons: edge.reasons.map(reason => {
      const sites = sitesOf(reason);
      // The sites say the cells, counted as JupyterLab counts them; the words count from nought, as commands do.
      return { words: sites.length > 0 ? reason.name : reason.words, hidden: reason.hidden, sites };
    })
  };
}

function sitesOf(reason: Reason): IEdge['reasons'][number]['sites'] {
  const sites: ISite[] = [];
  if (reason.defined) {
    sites.push({ ...reason.defined, role: 'defined' });
  }
  if (reason.used) {
    sites.push({ ...reason.used, role: 'used' });
  }
  return sites;
}

function shortened(names: string[]): string {
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} +${names.length - 2}` : names.join(', ');
}

/** What each cell is: its step with that step's colour, whether it is the step's first cell, or its role. */
export interface ICellPlace {
  kind: 'step' | 'setup' | 'parameters' | 'skip';
  name: string;
  hue: number;
  first: boolean;
}

/** Where each cell of the flow belongs, by cell id. */
export function placesOf(flow: Flow): Map<string, ICellPlace> {
  const places = new Map<string, ICellPlace>();
  flow.setup.forEach((id, i) => places.set(id, { kind: 'setup', name: '', hue: -1, first: i === 0 }));
  flow.skipped.forEach(id => places.set(id, { kind: 'skip', name: '', hue: -1, first: true }));
  flow.steps.forEach((step, index) =>
    step.cells.forEach((id, i) => places.set(id, { kind: 'step', name: step.name, hue: index % HUES, first: i === 0 }))
  );
  if (flow.parameters_cell !== null) {
    places.set(flow.parameters_cell, { kind: 'parameters', name: '', hue: -1, first: true });
  }
  return places;
}
