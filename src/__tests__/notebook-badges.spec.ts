import { type Notebook, NotebookActions } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';

import { applyMarks } from '../models/marks';
import { NotebookBadges } from '../widgets/notebook-badges';

const WORDS = {
  production: 'Production',
  test: 'Test',
  monitor: 'Monitor',
  parameters: 'Parameters'
};

describe('NotebookBadges', () => {
  let notebook: Notebook;
  let badges: NotebookBadges;

  const badgeOf = (index: number): string | null | undefined =>
    notebook.widgets[index].node.querySelector('.jp-nbdeploy-Badge')
      ?.textContent;
  const drawn = async (): Promise<void> => {
    await Promise.all(notebook.widgets.map(cell => cell.ready));
    await Promise.resolve();
  };

  beforeEach(async () => {
    notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    badges = new NotebookBadges(notebook, WORDS);
    applyMarks(notebook.model!, { 'cell-0': 'production' });
    await drawn();
  });

  afterEach(() => {
    notebook.dispose();
  });

  it('shows the role as a word and as a class', () => {
    expect(badgeOf(0)).toBe('Production');
    expect(notebook.widgets[0].hasClass('jp-nbdeploy-mod-production')).toBe(
      true
    );
    expect(badgeOf(1)).toBeUndefined();
  });

  it('follows another role, and none', async () => {
    applyMarks(notebook.model!, { 'cell-0': 'test' });
    expect(badgeOf(0)).toBe('Production');
    await drawn();
    expect(badgeOf(0)).toBe('Test');
    expect(notebook.widgets[0].hasClass('jp-nbdeploy-mod-production')).toBe(
      false
    );
    applyMarks(notebook.model!, { 'cell-0': null });
    expect(badgeOf(0)).toBeUndefined();
  });

  it('goes along with a cell that moves', async () => {
    notebook.activeCellIndex = 0;
    NotebookActions.moveDown(notebook);
    await drawn();
    expect(badgeOf(0)).toBeUndefined();
    expect(badgeOf(1)).toBe('Production');
  });

  it('is gone when it is switched off', () => {
    badges.dispose();
    expect(badgeOf(0)).toBeUndefined();
    expect(notebook.widgets[0].hasClass('jp-nbdeploy-mod-marked')).toBe(false);
  });
});
