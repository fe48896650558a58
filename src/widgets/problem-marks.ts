import {
  type EditorState,
  type Extension,
  type Range,
  StateEffect,
  StateField,
  type Text
} from '@codemirror/state';
import {
  closeHoverTooltips,
  Decoration,
  type DecorationSet,
  EditorView,
  hoverTooltip,
  type Tooltip
} from '@codemirror/view';

import type { IDiagnostic } from '../documents';
import { rangeOf } from '../models/problems';

/** Draws a problem for the text that shows when the pointer rests on its mark. */
export type DrawHover = (
  diagnostic: IDiagnostic,
  close: () => void
) => HTMLElement;

interface IMarks {
  readonly decorations: DecorationSet;
  /** The text that the marks were set for. */
  readonly text: Text;
  /** The ids of the elements that tell the problems; empty without any. */
  readonly describedBy: string;
}

const setMarks = StateEffect.define<IMarks>();

/** The marks move along with the text that they stand on. */
const marksField = StateField.define<IMarks>({
  create: ({ doc }) => ({
    decorations: Decoration.none,
    text: doc,
    describedBy: ''
  }),
  update: (marks, { changes, effects }) => {
    const set = effects.find(effect => effect.is(setMarks));
    return (
      set?.value ?? { ...marks, decorations: marks.decorations.map(changes) }
    );
  },
  provide: field => [
    EditorView.decorations.from(field, ({ decorations }) => decorations),
    EditorView.contentAttributes.from(
      field,
      ({ describedBy }): Record<string, string> =>
        describedBy ? { 'aria-describedby': describedBy } : {}
    )
  ]
});

/** What an editor needs to show problems. */
export function problemMarks(draw: DrawHover): Extension {
  const source = (view: EditorView, position: number): Tooltip | null => {
    const found = findMarks(view.state, position, position);
    return found.length === 0
      ? null
      : {
          pos: Math.min(...found.map(({ from }) => from)),
          end: Math.max(...found.map(({ to }) => to)),
          // Below, it would cover the rows that tell the same.
          above: true,
          create: () => ({ dom: drawHover(view, found, draw) })
        };
  };
  const hideOn = (
    {
      effects,
      state
    }: { effects: readonly StateEffect<unknown>[] } & {
      state: EditorState;
    },
    { end, pos }: Tooltip
  ): boolean =>
    effects.some(effect => effect.is(setMarks)) &&
    findMarks(state, pos, end ?? pos).length === 0;
  return [marksField, hoverTooltip(source, { hideOn })];
}

/** Whether an editor can show problems. */
export function hasProblemMarks(view: EditorView): boolean {
  return view.state.field(marksField, false) !== undefined;
}

/**
 * Mark these problems, and no others, in an editor that can show them.
 *
 * Other problems are described by other elements: where neither those nor the text
 * changed, the marks are right already.
 */
export function showMarks(
  view: EditorView,
  diagnostics: readonly IDiagnostic[],
  describedBy: string
): void {
  const text = view.state.doc;
  const shown = view.state.field(marksField);
  if (shown.text === text && shown.describedBy === describedBy) {
    return;
  }
  const source = text.toString();
  const marks = diagnostics.flatMap(diagnostic => markOf(source, diagnostic));
  const decorations = Decoration.set(marks, true);
  const effect = setMarks.of({ decorations, text, describedBy });
  view.dispatch({ effects: effect });
}

function markOf(source: string, diagnostic: IDiagnostic): Range<Decoration>[] {
  const range = rangeOf(source, diagnostic);
  const decoration = Decoration.mark({
    class: 'jp-nbdeploy-Mark',
    attributes: { 'data-nbdeploy-severity': diagnostic.severity },
    diagnostic
  });
  return range ? [decoration.range(range.from, range.to)] : [];
}

interface IFoundMark {
  readonly from: number;
  readonly to: number;
  readonly diagnostic: IDiagnostic;
}

function findMarks(state: EditorState, from: number, to: number): IFoundMark[] {
  const found: IFoundMark[] = [];
  const { decorations } = state.field(marksField);
  decorations.between(from, to, (start, end, { spec }) => {
    const { diagnostic } = spec as { diagnostic: IDiagnostic };
    found.push({ from: start, to: end, diagnostic });
  });
  return found;
}

function drawHover(
  view: EditorView,
  found: readonly IFoundMark[],
  draw: DrawHover
): HTMLElement {
  const node = document.createElement('div');
  node.className = 'jp-nbdeploy-Hover';
  const close = (): void => view.dispatch({ effects: closeHoverTooltips });
  node.append(...found.map(({ diagnostic }) => draw(diagnostic, close)));
  return node;
}
