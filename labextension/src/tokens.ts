// What the plugins of this extension offer to each other, and to other extensions.

import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Client } from './client';
import type { Runs } from './model/runs';
import type { Session } from './model/session';

/** Open notebooks with their flows, and the runs. */
export interface IFlows {
  readonly client: Client;
  readonly runs: Runs;
  readonly trans: TranslationBundle;
  /** The flow of the notebook in front; null when none is. */
  readonly current: Session | null;
  /** Emitted when another notebook has come to the front. */
  readonly currentChanged: ISignal<IFlows, Session | null>;
  /** Emitted once for each notebook that is opened. */
  readonly opened: ISignal<IFlows, Session>;
  /** The flow of an open notebook. */
  of(panel: NotebookPanel): Session | null;
  /** Those that are open now. */
  readonly sessions: readonly Session[];
}

export const IFlows = new Token<IFlows>('nb2flow:IFlows', 'The flows of open notebooks, and the runs.');

/** The names of all commands; everything a person can do has one. */
export const Commands = {
  newStep: 'nb2flow:new-step',
  sameStep: 'nb2flow:same-step',
  renameStep: 'nb2flow:rename-step',
  markSkip: 'nb2flow:mark-skip',
  markSetup: 'nb2flow:mark-setup',
  markParameters: 'nb2flow:mark-parameters',
  removeTag: 'nb2flow:remove-tag',
  cellMenu: 'nb2flow:cell-menu',
  suggest: 'nb2flow:suggest-steps',
  showFlow: 'nb2flow:show-flow',
  run: 'nb2flow:run',
  cancel: 'nb2flow:cancel',
  resume: 'nb2flow:resume',
  rerunFrom: 'nb2flow:run-from-step',
  rerunOnly: 'nb2flow:run-only-step',
  openInputs: 'nb2flow:open-with-inputs',
  openExecuted: 'nb2flow:open-executed',
  showFailure: 'nb2flow:show-failure',
  showRuns: 'nb2flow:show-runs',
  report: 'nb2flow:open-report',
  diff: 'nb2flow:diff',
  diffRun: 'nb2flow:diff-run',
  help: 'nb2flow:help',
  guide: 'nb2flow:guide'
} as const;
