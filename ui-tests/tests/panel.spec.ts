import { expect, test } from '@jupyterlab/galata';

import { NotebookPage } from '../pages/notebook-page';
import { LOAN } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';
import { keepScreenshots } from '../pages/screenshots';

test.describe('panel', () => {
  let notebook: NotebookPage;
  let panel: PanelPage;

  test.beforeEach(async ({ page, tmpPath }) => {
    const path = `${tmpPath}/loan.ipynb`;
    await page.contents.uploadContent(JSON.stringify(LOAN), 'text', path);
    await page.notebook.openByPath(path);
    await page.notebook.activate('loan.ipynb');
    notebook = new NotebookPage(page);
    panel = new PanelPage(page);
    await panel.open();
  });

  test('marked cells are listed by role, and a click goes to the cell', async () => {
    await notebook.mark(4, 'Test');
    await notebook.mark(2, 'Production');
    const cells = panel.section('Marked cells');
    await expect(cells.locator('.jp-nbdeploy-Role')).toHaveText([
      'Production',
      'Test'
    ]);
    await cells.getByRole('button', { name: 'def test_decide' }).click();
    await expect(notebook.cell(4)).toHaveClass(/jp-mod-active/);
  });

  test('endpoints show their signature and path', async () => {
    await notebook.mark(2, 'Production');
    await notebook.mark(3, 'Production');
    const endpoints = panel.section('Endpoints');
    await expect(endpoints).toContainText(
      'decide(debt: float, income: float) -> bool'
    );
    await expect(endpoints).toContainText('POST /decide');
  });

  test('one click mends a missing mark, and undo takes it back', async () => {
    await notebook.mark(2, 'Production');
    await notebook.mark(3, 'Production');
    const problems = panel.section('Problems');
    await expect(problems).toContainText('LIMIT');
    await expect(problems).toContainText('cell 4, line 2');
    await problems.locator('.jp-nbdeploy-Diagnostic-fix').first().click();
    await expect(notebook.badge(0)).toHaveText('Production');
    await expect(problems).not.toContainText('LIMIT');

    await notebook.cell(0).locator('.jp-InputPrompt').click();
    await notebook.undo();
    await expect(notebook.badge(0)).toHaveCount(0);
    await expect(problems).toContainText('LIMIT');
  });

  test('a name ships as a value instead of its cell, and no longer', async ({
    page
  }) => {
    await notebook.mark(2, 'Production');
    await notebook.mark(3, 'Production');
    const problems = panel.section('Problems');
    await problems
      .getByRole('button', { name: 'Ship LIMIT as it is in the kernel' })
      .click();
    const values = panel.section('Values');
    await expect(values).toContainText('LIMIT');
    await expect(values).toContainText('saved with the next deploy');
    await expect(problems).not.toContainText('LIMIT');
    await keepScreenshots(page, 'values', '.jp-nbdeploy-Panel');
    await values.getByRole('button', { name: 'Remove' }).click();
    await expect(problems).toContainText('LIMIT');
  });

  test('a click on a problem goes to its line', async ({ page }) => {
    await notebook.mark(3, 'Production');
    const problems = panel.section('Problems');
    await problems.locator('.jp-nbdeploy-Diagnostic-text').first().click();
    await expect(notebook.cell(3)).toHaveClass(/jp-mod-active/);
    await expect(page.locator('#jp-main-statusbar')).toContainText('Ln 2');
  });

  test('a refused notebook is saved first, says why and deploys nothing', async ({
    request,
    tmpPath
  }) => {
    await notebook.mark(3, 'Production');
    await panel.deployButton.click();
    await expect(panel.job).toHaveAttribute('data-nbdeploy-state', 'failed');
    await expect(panel.step('check')).toHaveAttribute(
      'data-nbdeploy-state',
      'failed'
    );
    await expect(panel.job.getByRole('alert')).toContainText(
      /problems? stops? the deploy/
    );
    await expect(panel.job.locator('.jp-nbdeploy-Diagnostic')).not.toHaveCount(
      0
    );
    await expect(panel.deployButton).toBeEnabled();
    const saved = await request.get(`/api/contents/${tmpPath}/loan.ipynb`);
    const { content } = (await saved.json()) as { content: typeof LOAN };
    expect(content.cells[3].metadata.tags).toEqual(['production']);
  });
});
