import { expect, galata } from '@jupyterlab/galata';
import type { Route } from '@playwright/test';

import { NotebookPage } from '../pages/notebook-page';
import { type INotebook, notebookOf } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';
import { keepScreenshots } from '../pages/screenshots';
import { test } from '../pages/service';

const ANALYSIS = '**/nbdeploy/api/analysis*';
const SLICE_FIX = 'Mark the 3 cells that this needs as production';

/** Works in the kernel: `limit` comes from three cells that nobody marked. */
function hiddenState(): INotebook {
  const notebook = notebookOf(
    'rates = [0.2, 0.4, 0.6]',
    'total = sum(rates)',
    'limit = total / len(rates)',
    'def decide(debt: float, income: float) -> bool:\n    return debt < income'
  );
  notebook.cells[3].metadata.tags = ['production'];
  return notebook;
}

/** The same, with the function that needs the three cells. */
function needy(): INotebook {
  const notebook = hiddenState();
  notebook.cells[3].source += ' * limit';
  return notebook;
}

test.describe('problems on the cells', () => {
  let notebook: NotebookPage;

  test.beforeEach(({ page }) => {
    notebook = new NotebookPage(page);
  });

  test('one click on the cell makes a notebook with hidden state deployable', async ({
    page,
    request,
    service,
    upload
  }) => {
    await upload(hiddenState());
    const panel = new PanelPage(page);
    await panel.open();
    await notebook.edit(3);
    await page.keyboard.type(' * limit');
    await expect(notebook.marks(3)).toHaveText('limit');
    await expect(notebook.problems(3)).toContainText(
      'limit is defined only in a cell that does not ship'
    );

    const fix = notebook.problems(3).getByRole('button', { name: SLICE_FIX });
    await fix.click();
    await expect(notebook.problems(3)).toHaveCount(0);
    await expect(notebook.marks(3)).toHaveCount(0);
    await expect(page.locator('.jp-nbdeploy-Badge')).toHaveCount(4);

    await page.keyboard.press('z');
    await expect(page.locator('.jp-nbdeploy-Badge')).toHaveCount(1);
    await expect(notebook.marks(3)).toHaveText('limit');

    await fix.click();
    await panel.target.selectOption('process');
    await panel.deployButton.click();
    await expect(panel.job).toHaveAttribute(
      'data-nbdeploy-state',
      'succeeded',
      { timeout: 60_000 }
    );
    const url = await panel.address.innerText();
    const answer = await request.post(`${url}/decide`, {
      data: { debt: 3, income: 10 }
    });
    expect(await answer.json()).toBe(true);
    await panel.stop(service.name);
    await expect(panel.deployment(service.name)).toContainText('Stopped');
  });

  test('a pointer on the underlined name shows the problem and mends it', async ({
    page,
    upload
  }) => {
    await upload(needy());
    await notebook.marks(3).hover();
    const hover = page.locator('.jp-nbdeploy-Hover');
    await expect(hover).toContainText('limit is defined only in a cell');
    await expect(hover).toContainText('NBD202');
    await expect(hover.getByRole('img', { name: 'Error' })).toBeVisible();
    await hover.getByRole('button', { name: SLICE_FIX }).click();
    await expect(hover).toHaveCount(0);
    await expect(notebook.problems(3)).toHaveCount(0);
    await page.keyboard.press('z');
    await expect(notebook.problems(3)).toHaveCount(1);
  });

  test('a mark stays on its name while people type, whatever old answers say', async ({
    page,
    upload
  }) => {
    await upload(needy());
    await expect(notebook.marks(3)).toHaveText('limit');
    const held: Route[] = [];
    await page.route(ANALYSIS, route => void held.push(route));
    await notebook.edit(3);
    await page.keyboard.press('Control+Home');
    await page.keyboard.insertText('import math');
    await expect.poll(() => held.length).toBeGreaterThan(0);
    const stale = held.length;
    await page.keyboard.insertText('\n\n\n');
    await expect(notebook.marks(3)).toHaveText('limit');
    await expect.poll(() => held.length).toBeGreaterThan(stale);

    const answered = page.waitForResponse(ANALYSIS);
    await held[0].continue();
    await answered;
    await expect(notebook.marks(3)).toHaveText('limit');
    await page.unroute(ANALYSIS);
    for (const late of held.slice(1)) {
      await late.continue();
    }
    await expect(notebook.problems(3)).toContainText('line 5');
    await expect(notebook.marks(3)).toHaveText('limit');
  });

  test('the keyboard goes from problem to problem and mends one', async ({
    page,
    upload
  }) => {
    const two = needy();
    two.cells.push({
      ...notebookOf('def other() -> int:\n    return missing').cells[0],
      id: 'other',
      metadata: { tags: ['production'] }
    });
    await upload(two);
    await expect(notebook.problems(4)).toHaveCount(1);
    await notebook.cell(0).locator('.jp-InputPrompt').click();
    const line = page.locator('#jp-main-statusbar');
    await page.keyboard.press('Alt+F8');
    await expect(notebook.cell(3)).toHaveClass(/jp-mod-active/);
    await expect(line).toContainText('Ln 2, Col 28');
    await page.keyboard.press('Alt+F8');
    await expect(notebook.cell(4)).toHaveClass(/jp-mod-active/);
    await expect(line).toContainText('Ln 2, Col 12');
    await page.keyboard.press('Alt+F8');
    await expect(notebook.cell(3)).toHaveClass(/jp-mod-active/);
    await page.keyboard.press('Alt+Shift+F8');
    await expect(notebook.cell(4)).toHaveClass(/jp-mod-active/);
    await page.keyboard.press('Alt+Shift+F8');
    await expect(notebook.cell(3)).toHaveClass(/jp-mod-active/);

    await page.keyboard.press('Escape');
    await expect(notebook.cell(3)).toBeFocused();
    const fix = notebook.problems(3).getByRole('button', { name: SLICE_FIX });
    // The cell's toolbar, where it is there by now, the problem's text, its fix.
    const isReached = () =>
      fix.evaluate(node => node === document.activeElement);
    for (let presses = 0; presses < 5 && !(await isReached()); presses++) {
      await page.keyboard.press('Tab');
    }
    await expect(fix).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(notebook.problems(3)).toHaveCount(0);
    await page.keyboard.press('z');
    await expect(notebook.problems(3)).toHaveCount(1);
  });

  test('who edits the cell hears of its problems', async ({ upload }) => {
    await upload(needy());
    const code = notebook.cell(3).locator('.cm-content');
    await expect(notebook.problems(3)).toHaveCount(1);
    await expect(code).toHaveAccessibleDescription(/limit is defined only/);
  });

  test('problems are never written into the notebook', async ({
    page,
    request,
    tmpPath,
    upload
  }) => {
    await upload(needy());
    await expect(notebook.problems(3)).toHaveCount(1);
    await page.notebook.save();
    const saved = await request.get(`/api/contents/${tmpPath}/loan.ipynb`);
    const { content } = (await saved.json()) as { content: INotebook };
    expect(content.cells[3].metadata).toEqual({
      tags: ['production'],
      trusted: true
    });
    expect(content.metadata).not.toHaveProperty('nbdeploy');
  });

  test('a kind of problem has its form, in both themes', async ({
    page,
    upload
  }) => {
    const both = needy();
    both.cells[3].source =
      'table = open("rates.csv")\n\n' + both.cells[3].source;
    await upload(both);
    await expect(notebook.problems(3)).toHaveCount(2);
    const line = (index: number): Promise<string> =>
      notebook
        .marks(3)
        .nth(index)
        .evaluate(mark => getComputedStyle(mark).textDecorationStyle);
    expect(await line(0)).toBe('dashed');
    expect(await line(1)).toBe('wavy');
    await keepScreenshots(page, 'problems', '.jp-WindowedPanel-viewport');
  });
});

test.describe('with the setting off', () => {
  test.use({
    mockSettings: {
      ...galata.DEFAULT_SETTINGS,
      'nbdeploy-ext:problems': { showProblems: false }
    }
  });

  test('cells show nothing and the panel goes on', async ({ page, upload }) => {
    await upload(needy());
    const panel = new PanelPage(page);
    await panel.open();
    await expect(panel.section('Problems')).toContainText('limit');
    await expect(page.locator('.jp-nbdeploy-CellProblems')).toHaveCount(0);
    await expect(page.locator('.jp-nbdeploy-Mark')).toHaveCount(0);
  });
});

for (const windowingMode of ['full', 'defer', 'none', 'contentVisibility']) {
  test.describe(`in windowing mode ${windowingMode}`, () => {
    test.use({
      mockSettings: {
        ...galata.DEFAULT_SETTINGS,
        '@jupyterlab/notebook-extension:tracker': { windowingMode }
      }
    });

    test('the problem is on a cell that comes into view, again and again', async ({
      page,
      upload
    }) => {
      const sources = Array.from({ length: 80 }, (_, index) => `x = ${index}`);
      sources[70] = 'def f() -> int:\n    return missing';
      const long = notebookOf(...sources);
      long.cells[70].metadata.tags = ['production'];
      await upload(long);
      const panel = new PanelPage(page);
      await panel.open();
      const problem = panel
        .section('Problems')
        .getByRole('button', { name: 'missing is not defined' });
      const row = page.locator('.jp-nbdeploy-CellProblems');
      const mark = page.locator('.jp-nbdeploy-Mark');
      for (const _ of [1, 2]) {
        await problem.click();
        await expect(row).toBeInViewport();
        await expect(mark).toHaveText('missing');
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+Home');
        await expect(row).not.toBeInViewport();
      }
    });
  });
}
