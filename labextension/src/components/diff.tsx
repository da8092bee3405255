// Two versions of a notebook: cells aligned by the server, their text drawn by CodeMirror. Loaded only when it is shown.

import React, { useEffect, useMemo, useRef, useState } from 'react';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState, Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { jupyterTheme } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { DiffCell, DiffReply, RefsReply } from '../api';
import { DrawOutput, OutputPair, useSeen } from './outputs';

export interface IDiffOptions {
  outputs: boolean;
  metadata: boolean;
  noise: boolean;
}

export interface IDiffProps {
  reply: DiffReply | null;
  fault: string;
  refs: RefsReply | null;
  against: string;
  onAgainst: (against: string) => void;
  options: IDiffOptions;
  onOptions: (options: IDiffOptions) => void;
  /** Extensions that colour the notebook's language. */
  language: Extension;
  /** Draws an output of a notebook into a node; what it gives back takes it away again. */
  draw: DrawOutput;
  trans: TranslationBundle;
}

export default function DiffView(props: IDiffProps): React.JSX.Element {
  const { reply, fault, options, onOptions, trans } = props;
  const [inline, setInline] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const at = useRef(-1);
  const changed = useMemo(
    () => (reply?.cells ?? []).filter(cell => cell.change !== 'unchanged' || (options.noise && cell.noise.length > 0)),
    [reply, options.noise]
  );
  const go = (by: number): void => {
    const nodes = box.current?.querySelectorAll<HTMLElement>('.nb2flow-DiffCell') ?? [];
    if (nodes.length) {
      at.current = (at.current + by + nodes.length) % nodes.length;
      nodes[at.current].scrollIntoView({ block: 'start' });
      nodes[at.current].focus({ preventScroll: true });
    }
  };
  const check = (text: string, on: boolean, set: (on: boolean) => void): React.JSX.Element => (
    <label className="nb2flow-RunForm-check">
      <input type="checkbox" checked={on} onChange={event => set(event.target.checked)} />
      {text}
    </label>
  );
  return (
    <div className="nb2flow-Diff">
      <header>
        <Against {...props} />
        {check(trans.__('Inline'), inline, setInline)}
        {check(trans.__('Outputs'), options.outputs, outputs => onOptions({ ...options, outputs }))}
        {check(trans.__('Metadata'), options.metadata, metadata => onOptions({ ...options, metadata }))}
        {check(trans.__('Noise'), options.noise, noise => onOptions({ ...options, noise }))}
        <span className="nb2flow-Buttons">
          <button type="button" className="nb2flow-Button" disabled={!changed.length} onClick={() => go(-1)}>
            ↑ {trans.__('Previous')}
          </button>
          <button type="button" className="nb2flow-Button" disabled={!changed.length} onClick={() => go(1)}>
            ↓ {trans.__('Next')}
          </button>
        </span>
      </header>
      {fault && (
        <p className="nb2flow-Fault" role="alert">
          {fault}
        </p>
      )}
      {reply && (
        <>
          <p className="nb2flow-Diff-words" role="status">
            <strong>{reply.base.name}</strong> → <strong>{reply.remote.name}</strong>: {summary(reply, trans)}
          </p>
          <div className="nb2flow-Diff-cells" ref={box}>
            {changed.map((cell, i) => (
              <Cell
                key={i}
                cell={cell}
                inline={inline}
                noise={options.noise}
                language={props.language}
                draw={props.draw}
                trans={trans}
              />
            ))}
            {reply.metadata.length > 0 && (
              <section className="nb2flow-DiffCell" data-change="notebook" tabIndex={-1}>
                <h3>{trans.__("the notebook's metadata")}</h3>
                <Values values={reply.metadata} />
              </section>
            )}
          </div>
          {reply.noise.length > 0 && !options.noise && (
            <p className="nb2flow-Note">
              {trans.__('Left out as noise:')} {reply.noise.map(noise => noise.what).join(', ')}
            </p>
          )}
        </>
      )}
    </div>
  );
}

function Against({ refs, against, onAgainst, trans }: IDiffProps): React.JSX.Element {
  const choices: [string, string][] = [['disk', trans.__('the saved file')]];
  if (refs?.repository) {
    choices.push(['git:HEAD', trans.__('git HEAD')]);
    refs.branches.forEach(name => choices.push([`git:${name}`, trans.__('branch %1', name)]));
    refs.tags.forEach(name => choices.push([`git:${name}`, trans.__('tag %1', name)]));
    refs.commits.forEach(c => choices.push([`git:${c.sha}`, `${c.sha.slice(0, 8)} ${c.subject}`]));
  }
  if (!choices.some(([id]) => id === against)) {
    choices.unshift([against, against.replace(/^\w+:/, '')]);
  }
  return (
    <label className="nb2flow-Diff-against">
      {trans.__('Compare with')}
      <select className="jp-mod-styled" value={against} onChange={event => onAgainst(event.target.value)}>
        {choices.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
        <option value="path:?">{trans.__('another notebook…')}</option>
      </select>
    </label>
  );
}

function summary(reply: DiffReply, trans: TranslationBundle): string {
  const { summary } = reply;
  const words: [number, string][] = [
    [summary.added, trans.__('added')],
    [summary.removed, trans.__('removed')],
    [summary.modified, trans.__('modified')],
    [summary.moved, trans.__('moved')],
    [summary.split, trans.__('split')],
    [summary.merged, trans.__('merged')],
    [summary.outputs_changed, trans.__('with other outputs')],
    [summary.metadata_changed, trans.__('with other metadata')]
  ];
  const told = words.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return told.length ? told.join(', ') : trans.__('no changes');
}

interface ICellProps {
  cell: DiffCell;
  inline: boolean;
  noise: boolean;
  language: Extension;
  draw: DrawOutput;
  trans: TranslationBundle;
}

function Cell({ cell, inline, noise, language, draw, trans }: ICellProps): React.JSX.Element {
  const base = cell.base.map(source => source.source).join('\n\n');
  const remote = cell.remote.map(source => source.source).join('\n\n');
  const number = (side: DiffCell['base']): string => side.map(source => `${source.number + 1}`).join(', ');
  const texts = cell.source_changed || cell.change === 'added' || cell.change === 'removed';
  return (
    <section className="nb2flow-DiffCell" data-change={cell.change} tabIndex={-1}>
      <h3>
        <span className="nb2flow-Pill">{cell.change}</span> {trans.__('cell')} {number(cell.base)}
        {cell.base.length > 0 && cell.remote.length > 0 && number(cell.base) !== number(cell.remote) && ' → '}
        {(cell.base.length === 0 || number(cell.base) !== number(cell.remote)) && number(cell.remote)}
      </h3>
      {texts && <Texts base={base} remote={remote} inline={inline} language={language} />}
      <Values values={cell.metadata} />
      <Values values={cell.attachments} />
      {cell.outputs.map((output, i) => (
        <OutputPair key={i} output={output} inline={inline} draw={draw} trans={trans} />
      ))}
      {noise && cell.noise.length > 0 && (
        <p className="nb2flow-Note">
          {trans.__('Noise:')} {cell.noise.join(', ')}
        </p>
      )}
    </section>
  );
}

function Values({ values }: { values: DiffCell['metadata'] }): React.JSX.Element {
  return (
    <>
      {values.map((change, i) => (
        <p key={i} className="nb2flow-Diff-value">
          <code>{change.path.join(' › ')}</code>: <del>{change.added ? '' : shortened(change.old)}</del>{' '}
          <ins>{change.removed ? '' : shortened(change.new)}</ins>
        </p>
      ))}
    </>
  );
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** One pair of texts; drawn only once it comes into sight, so that large notebooks stay fluid. */
function Texts({
  base,
  remote,
  inline,
  language
}: {
  base: string;
  remote: string;
  inline: boolean;
  language: Extension;
}): React.JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen(box);
  useEffect(() => {
    const parent = box.current;
    if (!seen || !parent) {
      return;
    }
    const common: Extension = [
      lineNumbers(), EditorView.lineWrapping, EditorState.readOnly.of(true), EditorView.editable.of(false), jupyterTheme, language
    ]; // prettier-ignore
    const collapseUnchanged = { margin: 3, minSize: 6 };
    const view: { destroy(): void } = inline
      ? new EditorView({
          parent,
          doc: remote,
          extensions: [common, unifiedMergeView({ original: base, mergeControls: false, collapseUnchanged })]
        })
      : new MergeView({
          parent,
          a: { doc: base, extensions: common },
          b: { doc: remote, extensions: common },
          collapseUnchanged
        });
    return () => view.destroy();
  }, [seen, inline, base, remote, language]);
  const lines = Math.max(base.split('\n').length, remote.split('\n').length);
  return <div className="nb2flow-Diff-texts" ref={box} style={seen ? undefined : { minHeight: `${lines * 17}px` }} />;
}
