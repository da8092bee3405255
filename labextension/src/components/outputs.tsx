// Outputs of two versions of a cell, drawn as JupyterLab draws them. Nothing in them is trusted: no script runs.

import React, { RefObject, useEffect, useRef, useState } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { OutputChange } from '../api';

export type DrawOutput = (output: Record<string, unknown>, host: HTMLElement) => () => void;

/** Whether the node has come into sight (or near it) yet. */
export function useSeen(box: RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(entries => entries.some(e => e.isIntersecting) && setSeen(true), {
      rootMargin: '600px'
    });
    observer.observe(box.current as HTMLElement);
    return () => observer.disconnect();
  }, [box]);
  return seen;
}

interface IOutputPairProps {
  output: OutputChange;
  inline: boolean;
  draw: DrawOutput;
  trans: TranslationBundle;
}

export function OutputPair({ output, inline, draw, trans }: IOutputPairProps): React.JSX.Element {
  const words = [output.name, output.change, output.words].filter(Boolean).join(' · ');
  return (
    <div className="nb2flow-Diff-output" data-change={output.change}>
      <p>
        <span className="nb2flow-Pill">{trans.__('output')}</span> {words}
      </p>
      <div className="nb2flow-Diff-pair" data-inline={inline}>
        <Drawn side="base" output={output.old} there={output.base !== null} draw={draw} trans={trans} />
        <Drawn side="remote" output={output.new} there={output.remote !== null} draw={draw} trans={trans} />
      </div>
    </div>
  );
}

interface IDrawnProps {
  side: 'base' | 'remote';
  output: Record<string, unknown> | null;
  there: boolean;
  draw: DrawOutput;
  trans: TranslationBundle;
}

function Drawn({ side, output, there, draw, trans }: IDrawnProps): React.JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen(box);
  useEffect(() => (seen && output && box.current ? draw(output, box.current) : undefined), [seen, output, draw]);
  return (
    <div className="nb2flow-Diff-drawn" data-side={side}>
      <div ref={box} />
      {there && output === null && <p className="nb2flow-Note">{trans.__('too large to be shown here')}</p>}
    </div>
  );
}
