import type { ICellModel } from '@jupyterlab/cells';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { type Notebook, NotebookActions } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { IDiagnostic } from '../documents';
import { roleOf } from '../models/marks';
import type { IAnalysisModel } from '../tokens';
import { NotebookProblems } from '../widgets/notebook-problems';
import { diagnosticOf } from './diagnostics';

describe('NotebookProblems', () => {
  let notebook: Notebook;
  let problems: NotebookProblems;
  let answered: Map<string, string>;
  let analysis: IAnalysisModel;
  let changed: Signal<IAnalysisModel, void>;
  let revealed: IDiagnostic[];

  const sourceOf = (index: number) => notebook.model!.cells.get(index);
  const marksOf = (index: number): string[] =>
    [...notebook.widgets[index].node.querySelectorAll('.jp-nbdeploy-Mark')].map(
      ({ textContent }) => textContent ?? ''
    );
  const rowsOf = (index: number): string[] =>
    [
      ...notebook.widgets[index].node.querySelectorAll(
        '.jp-nbdeploy-Problem-message'
      )
    ].map(({ textContent }) => textContent ?? '');
  const drawn = async (): Promise<void> => {
    await Promise.all(notebook.widgets.map(cell => cell.ready));
    await Promise.resolve();
  };
  /** Answer about the cells as they stand. */
  const answer = async (...diagnostics: IDiagnostic[]): Promise<void> => {
    answered = new Map(
      [...notebook.model!.cells].map(cell => [
        cell.id,
        cell.sharedModel.getSource()
      ])
    );
    Object.assign(analysis, {
      analysis: { name: 'a', endpoints: [], values: [], diagnostics }
    });
    changed.emit();
    await drawn();
  };

  beforeEach(async () => {
    notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    sourceOf(0).sharedModel.setSource('a = missing');
    revealed = [];
    analysis = {
      notebook: { panel: { content: notebook } },
      analysis: null,
      error: '',
      isAbout: (cell: ICellModel) =>
        answered.get(cell.id) === cell.sharedModel.getSource()
    } as unknown as IAnalysisModel;
    changed = new Signal(analysis);
    Object.assign(analysis, { changed });
    problems = new NotebookProblems(notebook, analysis, {
      trans: nullTranslator.load(''),
      reveal: diagnostic => revealed.push(diagnostic)
    });
    await answer(diagnosticOf({ column: 5 }));
  });

  afterEach(() => {
    notebook.dispose();
  });

  it('underlines the name and tells the problem below the cell', () => {
    expect(marksOf(0)).toEqual(['missing']);
    expect(rowsOf(0)).toEqual([
      'x is not defined in the notebook. line 1 · NBD201'
    ]);
    expect(rowsOf(1)).toEqual([]);
  });

  it('describes the code to those who cannot see the mark', () => {
    const { node } = notebook.widgets[0];
    const code = node.querySelector('.cm-content');
    const row = node.querySelector('li');
    expect(row?.id).toBeTruthy();
    expect(code?.getAttribute('aria-describedby')).toBe(row?.id);
  });

  it('keeps an edited cell as it is until its new text is answered', async () => {
    sourceOf(0).sharedModel.setSource('\n\na = missing');
    Object.assign(analysis, {
      analysis: { ...analysis.analysis, diagnostics: [] }
    });
    changed.emit();
    await drawn();
    expect(rowsOf(0)).toHaveLength(1);
    await answer();
    expect(rowsOf(0)).toEqual([]);
    expect(marksOf(0)).toEqual([]);
    expect(
      notebook.widgets[0].node
        .querySelector('.cm-content')
        ?.hasAttribute('aria-describedby')
    ).toBe(false);
  });

  it('moves marks along with the text that is typed before them', () => {
    const editor = notebook.widgets[0].editor as CodeMirrorEditor;
    editor.editor.dispatch({ changes: { from: 0, insert: '# é\nb, ' } });
    expect(marksOf(0)).toEqual(['missing']);
  });

  it('ignores what is said about another notebook', async () => {
    Object.assign(analysis, {
      notebook: { panel: { content: { model: null } } }
    });
    await answer();
    expect(rowsOf(0)).toHaveLength(1);
  });

  it('goes along with a cell that moves', async () => {
    notebook.activeCellIndex = 0;
    NotebookActions.moveDown(notebook);
    await drawn();
    expect(rowsOf(0)).toEqual([]);
    expect(rowsOf(1)).toHaveLength(1);
    expect(marksOf(1)).toEqual(['missing']);
  });

  it('leaves a row alone that has not changed, and so the focus', async () => {
    const row = notebook.widgets[0].node.querySelector('li');
    await answer(diagnosticOf({ column: 5 }));
    expect(notebook.widgets[0].node.querySelector('li')).toBe(row);
  });

  it('writes a fix where somebody clicks, and only then', async () => {
    const { id } = notebook.model!.cells.get(1);
    const fix = {
      title: 'Mark',
      kind: 'mark',
      marks: { [id]: 'test' }
    } as const;
    await answer(diagnosticOf({ fix }));
    expect(roleOf(notebook.model!.cells.get(1))).toBeNull();
    notebook.widgets[0].node
      .querySelector<HTMLButtonElement>('.jp-nbdeploy-button')
      ?.click();
    expect(roleOf(notebook.model!.cells.get(1))).toBe('test');
  });

  it('leads from a message to its place', () => {
    notebook.widgets[0].node
      .querySelector<HTMLButtonElement>('.jp-nbdeploy-Problem-message')
      ?.click();
    expect(revealed).toEqual([diagnosticOf({ column: 5 })]);
  });

  it('is gone when it is switched off', () => {
    problems.dispose();
    expect(rowsOf(0)).toEqual([]);
    expect(marksOf(0)).toEqual([]);
  });
});
