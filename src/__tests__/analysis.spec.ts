import type { ICodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { Signal } from '@lumino/signaling';

import type { ServerAPI } from '../api/server-api';
import { AnalysisModel } from '../models/analysis';
import { CurrentNotebook } from '../models/current-notebook';
import { applyMarks } from '../models/marks';
import { withoutPictures } from '../models/notebook-content';
import { json, RestServer } from './rest-server';

const ANALYSIS = { name: 'loan', endpoints: [], diagnostics: [] };

describe('AnalysisModel', () => {
  const server = new RestServer();
  let api: ServerAPI;
  let panel: NotebookPanel;
  let notebook: CurrentNotebook;
  let model: AnalysisModel;

  const settled = (): Promise<void> =>
    new Promise(resolve => model.changed.connect(() => resolve()));

  beforeAll(async () => {
    api = await server.start();
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    const context = await NBTestUtils.createMockContext();
    panel = NBTestUtils.createNotebookPanel(context);
    await context.initialize(true);
    const sender = {};
    const tracker = {
      currentWidget: panel,
      currentChanged: new Signal<object, NotebookPanel | null>(sender)
    };
    notebook = new CurrentNotebook(tracker as never, {
      localPath: path => path
    });
    server.requests.length = 0;
    server.routes['POST analysis'] = json(ANALYSIS);
    model = new AnalysisModel(notebook, api);
  });

  afterEach(() => {
    model.dispose();
    notebook.dispose();
    panel.dispose();
  });

  it('asks once for many edits, and for the newest text', async () => {
    const sources: unknown[] = [];
    server.routes['POST analysis'] = (response, body, request) => {
      const { cells } = body['content'] as { cells: { source: unknown }[] };
      sources.push(cells[0].source);
      json(ANALYSIS)(response, body, request);
    };
    const cell = panel.model!.cells.get(0).sharedModel;
    cell.setSource('a');
    cell.setSource('ab');
    await settled();
    expect(sources).toEqual(['ab']);
    expect(model.analysis).toEqual(ANALYSIS);
  });

  it('asks again when a mark changes, and knows the mark at once', async () => {
    await settled();
    applyMarks(panel.model!, { 'cell-0': 'production' });
    expect(notebook.markedCells.map(({ role }) => role)).toEqual([
      'production'
    ]);
    await settled();
    expect(server.requests).toHaveLength(2);
  });

  it('knows of which cells the answer speaks', async () => {
    const cell = panel.model!.cells.get(0);
    await settled();
    expect(model.isAbout(cell)).toBe(true);
    cell.sharedModel.setSource('newer');
    expect(model.isAbout(cell)).toBe(false);
    await settled();
    expect(model.isAbout(cell)).toBe(true);
  });

  it('says which cells were changed since they ran', async () => {
    const told: unknown[] = [];
    server.routes['POST analysis'] = (response, body, request) => {
      told.push(body['edited']);
      json(ANALYSIS)(response, body, request);
    };
    const cell = panel.model!.cells.get(0) as ICodeCellModel;
    cell.sharedModel.setSource('x = 1');
    await settled();
    cell.executionState = 'running';
    cell.executionCount = 1;
    cell.executionState = 'idle';
    await settled();
    cell.sharedModel.setSource('x = 2');
    await settled();
    expect(told).toEqual([[], [], [cell.id]]);
  });

  it('asks while the notebook goes on changing', async () => {
    await settled();
    const cell = panel.model!.cells.get(0).sharedModel;
    let count = 0;
    const typing = setInterval(() => cell.setSource(String(count++)), 50);
    await settled();
    clearInterval(typing);
    expect(server.requests).toHaveLength(2);
  });

  it('keeps the last answer when a later one fails', async () => {
    await settled();
    server.routes['POST analysis'] = json({ message: 'Broken.' }, 500);
    applyMarks(panel.model!, { 'cell-0': 'test' });
    await settled();
    expect(model.error).toBe('Broken.');
    expect(model.analysis).toEqual(ANALYSIS);
  });
});

describe('withoutPictures', () => {
  it('leaves out pictures and keeps text that may hold a secret', () => {
    const output = {
      output_type: 'display_data',
      data: { 'image/png': 'iVBOR', 'text/plain': 'key=1' },
      metadata: {}
    };
    const cell = {
      cell_type: 'code',
      source: 'x',
      metadata: {},
      execution_count: 1,
      outputs: [output]
    };
    const small = withoutPictures({
      cells: [cell],
      metadata: {},
      nbformat: 4,
      nbformat_minor: 5
    });
    expect(small.cells[0].outputs).toEqual([
      { ...output, data: { 'text/plain': 'key=1' } }
    ]);
    expect(output.data).toHaveProperty('image/png');
  });
});
