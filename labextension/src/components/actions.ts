// What the views can ask for. Views take this as a prop; a plugin provides it.

import type { TranslationBundle } from '@jupyterlab/translation';
import type { CellTags, LogReply } from '../api';

export interface IActions {
  trans: TranslationBundle;
  reveal(cellId: string, line?: number): void;
  run(): void;
  suggest(): void;
  fix(changes: CellTags[]): void;
  cancel(run: string): void;
  resume(run: string): void;
  rerun(run: string, step: string, what: 'from' | 'only'): void;
  open(run: string, step: string, what: 'inputs' | 'executed'): void;
  report(run: string): void;
  diffRun(run: string): void;
  log(run: string, step: string, since: string): Promise<LogReply>;
}
