// The graph as a drawing. Loaded only when it is shown; everything it shows is also in the list.

import React, { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import '@xyflow/react/dist/base.css';
import {
  BaseEdge, Controls, Edge, EdgeLabelRenderer, EdgeProps, Handle, MarkerType, Node, NodeProps, Position, ReactFlow,
  ReactFlowProvider, useReactFlow, useStore
} from '@xyflow/react'; // prettier-ignore
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IEdge, IGraph, INode } from '../model/graph';
import { done, mark, span, taken, word } from '../model/words';
import { arranged, curve, fitting, HEIGHT, IPoint, WIDTH } from './layout';
import { Why } from './why';

export interface ICanvasProps {
  graph: IGraph;
  selected: string | null;
  onSelect: (step: string) => void;
  onReveal: (cellId: string, line?: number) => void;
  trans: TranslationBundle;
}

type StepNode = Node<{ node: INode; wide: boolean; trans: TranslationBundle }, 'step'>;
/** `near`: the end that is this arrow's alone; there its label stands, and so on no other arrow and no other label. */
type WhyEdge = Edge<
  { edge: IEdge; lit: boolean; near: 'source' | 'target' | null; way: IPoint[]; wide: boolean },
  'why'
>;

/** A progress of cells (or of instances), as part of one; null where there is none to show. */
function progress(node: INode): number | null {
  const { run, instances } = node;
  if (run?.status === 'running' && instances.length) {
    return instances.filter(one => done(one.status)).length / instances.length;
  }
  return run?.status === 'running' && run.cells ? Math.max(0, run.cell - 1) / run.cells : null;
}

function Step({ data, selected }: NodeProps<StepNode>): React.JSX.Element {
  const { node, wide, trans } = data;
  const part = progress(node);
  const time = node.run ? span(taken(node.run)) : '';
  return (
    <button
      type="button"
      className={`nb2flow-Node${selected ? ' nb2flow-mod-selected' : ''}`}
      data-hue={node.hue}
      data-status={node.run?.status ?? ''}
      data-step={node.id}
      title={[node.title, ...node.notes].filter(Boolean).join('\n')}
    >
      <Handle type="target" position={wide ? Position.Left : Position.Top} isConnectable={false} />
      <span className="nb2flow-Node-name">
        {node.id}
        {node.instances.length > 0 && <span className="nb2flow-Times">×{node.instances.length}</span>}
      </span>
      <span className="nb2flow-Node-line">
        {node.run
          ? `${mark(node.run.status)} ${word(node.run.status, trans)} ${time}`
          : node.options || trans._n('%1 cell', '%1 cells', node.cells.length)}
      </span>
      {part !== null && <span className="nb2flow-Node-progress" style={{ width: `${Math.round(part * 100)}%` }} />}
      <Handle type="source" position={wide ? Position.Right : Position.Bottom} isConnectable={false} />
    </button>
  );
}

function Arrow(props: EdgeProps<WhyEdge>): React.JSX.Element {
  const { edge, lit = false, near = null, way = [], wide = false } = props.data ?? {};
  const ends = [
    { x: props.sourceX, y: props.sourceY },
    { x: props.targetX, y: props.targetY }
  ];
  const { path, middle } = curve([ends[0], ...way, ends[1]], wide);
  const off = near === 'source' ? 13 : -15;
  const end = near === 'source' ? ends[0] : ends[1];
  const { x, y } = near && !wide ? { x: end.x, y: end.y + off } : middle;
  return (
    <>
      <BaseEdge
        id={props.id}
        path={path}
        markerEnd={props.markerEnd}
        interactionWidth={22}
        className={`nb2flow-Edge${edge?.hidden ? ' nb2flow-mod-hidden' : ''}${lit ? ' nb2flow-mod-lit' : ''}`}
      />
      {lit && edge && edge.label && (
        <EdgeLabelRenderer>
          <div className="nb2flow-Edge-label" style={{ transform: `translate(-50%, -50%) translate(${x}px,${y}px)` }}>
            {edge.label}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

/** Where arrows end and begin; told, so that they need not be measured anew at each drawing and are never missing. */
function handlesOf(wide: boolean): NonNullable<StepNode['handles']> {
  const [x, y] = wide ? [WIDTH, HEIGHT / 2] : [WIDTH / 2, HEIGHT];
  const size = { width: 1, height: 1 };
  return [
    { type: 'target', position: wide ? Position.Left : Position.Top, x: wide ? 0 : x, y: wide ? y : 0, ...size },
    { type: 'source', position: wide ? Position.Right : Position.Bottom, x, y, ...size }
  ];
}

/** The tip of an arrow: as large on a thick line as on a thin one. */
function tipOf(lit: boolean): WhyEdge['markerEnd'] {
  const color = lit ? 'var(--jp-brand-color1)' : 'var(--nb2flow-edge)';
  return { type: MarkerType.ArrowClosed, width: 20, height: 20, markerUnits: 'userSpaceOnUse', color };
}

const NODES = { step: Step };
const EDGES = { why: Arrow };

/** Fit the drawing whenever its shape or the room for it changes; the answer is to be called when a pointer is pressed:
    what it is pressed on stays under it, or the click would be lost, and what is due is done when it is let go. */
function useFitting(
  box: React.RefObject<HTMLDivElement>,
  shape: string,
  onMeasured: (width: number, height: number) => void
): () => void {
  const view = useReactFlow();
  const size = useStore(store => `${store.width} ${store.height}`);
  const pressed = useRef(false);
  const due = useRef(false);
  const measured = useRef(onMeasured);
  measured.current = onMeasured;
  const fit = useCallback((): void => {
    if (!pressed.current && box.current) {
      measured.current(box.current.clientWidth, box.current.clientHeight);
      const duration = window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 150;
      void view.fitView({ padding: 0.08, maxZoom: 1, duration }).then(() => {
        due.current = false;
      });
    }
  }, [box, view]);
  useEffect(() => {
    due.current = true;
    const frame = requestAnimationFrame(fit);
    return () => cancelAnimationFrame(frame);
  }, [shape, size, fit]);
  useEffect(() => {
    const letGo = (): void => {
      pressed.current = false;
      if (due.current) {
        requestAnimationFrame(fit);
      }
    };
    const ends = ['pointerup', 'pointercancel'] as const;
    ends.forEach(end => window.addEventListener(end, letGo));
    return () => ends.forEach(end => window.removeEventListener(end, letGo));
  }, [fit]);
  return useCallback(() => {
    pressed.current = true;
  }, []);
}

function Drawing({ graph, selected, onSelect, onReveal, trans }: ICanvasProps): React.JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(false);
  const [most, setMost] = useState(3);
  const [hover, setHover] = useState<{ edge: string; x: number; y: number } | null>(null);
  const leaving = useRef<number | undefined>(undefined);
  const shape = `${wide} ${most} ${graph.nodes.map(n => n.id).join()} ${graph.edges.map(e => e.id).join()}`;
  // Only the shape moves boxes; progress does not.
  const { places, ways } = useMemo(() => arranged(graph, wide, most), [shape]); // eslint-disable-line react-hooks/exhaustive-deps

  const press = useFitting(box, shape, (width, height) => {
    const across = width > 1.5 * height && width > 640;
    setWide(across);
    setMost(fitting(width, height, across));
  });

  const nodes: StepNode[] = graph.nodes.map(node => ({
    id: node.id,
    type: 'step',
    position: places.get(node.id) ?? { x: 0, y: 0 },
    width: WIDTH,
    height: HEIGHT,
    measured: { width: WIDTH, height: HEIGHT },
    handles: handlesOf(wide),
    selected: node.id === selected,
    data: { node, wide, trans }
  }));
  const isLit = (edge: IEdge): boolean =>
    hover?.edge === edge.id || edge.source === selected || edge.target === selected;
  const [starting, arriving] = (['source', 'target'] as const).map(end => {
    const counts = new Map<string, number>();
    graph.edges.forEach(edge => counts.set(edge[end], (counts.get(edge[end]) ?? 0) + 1));
    return counts;
  });
  const edges: WhyEdge[] = graph.edges.map(edge => ({
    id: edge.id,
    source: edge.source,
    target: edge.target,
    type: 'why',
    markerEnd: tipOf(isLit(edge)),
    data: {
      edge,
      lit: isLit(edge),
      near: starting.get(edge.source) === 1 ? 'source' : arriving.get(edge.target) === 1 ? 'target' : null,
      way: ways.get(edge.id) ?? [],
      wide
    }
  }));
  const hovered = hover && graph.edges.find(edge => edge.id === hover.edge);
  const leave = (): void => {
    leaving.current = window.setTimeout(() => setHover(null), 250);
  };
  const stay = (): void => window.clearTimeout(leaving.current);
  const explain = (event: React.MouseEvent, edge: WhyEdge): void => {
    stay();
    const frame = (box.current as HTMLDivElement).getBoundingClientRect();
    setHover({ edge: edge.id, x: event.clientX - frame.left, y: event.clientY - frame.top });
  };

  return (
    <div className="nb2flow-Canvas" ref={box} onPointerDownCapture={press}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODES}
        edgeTypes={EDGES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        paneClickDistance={4} // a hand is not quite still while it clicks
        minZoom={0.1}
        maxZoom={1.6}
        proOptions={{ hideAttribution: true }}
        onNodeClick={(_, node) => onSelect(node.id)} // also makes React Flow let the pointer through to them
        onEdgeClick={explain} // for fingers; without it React Flow keeps the pointer from arrows
        onEdgeMouseEnter={explain}
        onEdgeMouseLeave={leave}
        aria-label={trans.__('The flow of the notebook as a drawing; the list has the same in words')}
      >
        <Controls showInteractive={false} position="bottom-right" />
      </ReactFlow>
      {hover && hovered && (
        <div
          className="nb2flow-Popover"
          role="tooltip"
          style={{ top: hover.y + 14, left: 8, right: 8 }}
          onMouseEnter={stay}
          onMouseLeave={leave}
        >
          <Why edge={hovered} onReveal={onReveal} trans={trans} />
        </div>
      )}
    </div>
  );
}

export default function Canvas(props: ICanvasProps): React.JSX.Element {
  return (
    <ReactFlowProvider>
      <Drawing {...props} />
    </ReactFlowProvider>
  );
}
