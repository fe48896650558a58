import { expect, galata, test } from '@jupyterlab/galata';

import { NotebookPage } from '../pages/notebook-page';
import { LOAN, notebookOf } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';

test.describe('marks', () => {
  let notebook: NotebookPage;

  test.beforeEach(async ({ page, tmpPath }) => {
    const path = `${tmpPath}/loan.ipynb`;
    await page.contents.uploadContent(JSON.stringify(LOAN), 'text', path);
    await page.notebook.openByPath(path);
    await page.notebook.activate('loan.ipynb');
    notebook = new NotebookPage(page);
  });

  test('a right-click marks one cell and ticks its role', async () => {
    await notebook.mark(2, 'Production');
    expect((await notebook.tags())[2]).toEqual(['production']);
    await notebook.openMenu(2);
    const item = notebook.menuItem('Mark as Production Cell');
    await expect(item).toHaveClass(/lm-mod-toggled/);
    await expect(notebook.menuItem('Mark as Test Cell')).not.toHaveClass(
      /lm-mod-toggled/
    );
  });

  test('a selection is marked together and undone in one step', async () => {
    await notebook.select(1, 3);
    await notebook.mark(2, 'Production');
    await expect(notebook.page.locator('.jp-nbdeploy-Badge')).toHaveCount(3);
    await notebook.undo();
    await expect(notebook.page.locator('.jp-nbdeploy-Badge')).toHaveCount(0);
  });

  test('a cell outside of the selection is marked alone', async () => {
    await notebook.select(0, 1);
    await notebook.mark(3, 'Test');
    await expect(notebook.page.locator('.jp-nbdeploy-Badge')).toHaveCount(1);
  });

  test('a mark can be changed and cleared', async () => {
    await notebook.mark(2, 'Production');
    await notebook.mark(2, 'Monitor');
    expect((await notebook.tags())[2]).toEqual(['monitor']);
    await notebook.clear(2);
    expect((await notebook.tags())[2]).toBeUndefined();
  });

  test('the command palette marks the active cell', async ({ page }) => {
    await notebook.cell(4).locator('.jp-InputPrompt').click();
    await page.keyboard.press('Control+Shift+C');
    await page
      .getByRole('textbox', { name: 'SEARCH' })
      .fill('Mark as Test Cell');
    await page.keyboard.press('Enter');
    await expect(notebook.badge(4)).toHaveText('Test');
  });

  test('the keyboard marks and clears', async ({ page }) => {
    const keys = ['Production', 'Test', 'Monitor', 'Parameters'];
    await notebook.cell(6).locator('.jp-InputPrompt').click();
    for (const [index, word] of keys.entries()) {
      await page.keyboard.press(`Control+Shift+Digit${index + 1}`);
      await expect(notebook.badge(6)).toHaveText(word);
    }
    await page.keyboard.press('Control+Shift+Digit5');
    await expect(notebook.badge(6)).toHaveCount(0);
  });

  for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
    test(`the words have contrast enough in ${theme}`, async ({ page }) => {
      await page.theme.setTheme(theme);
      await notebook.mark(2, 'Production');
      await notebook.mark(4, 'Test');
      await notebook.mark(5, 'Monitor');
      await notebook.mark(6, 'Parameters');
      for (const index of [2, 4, 5, 6]) {
        const label = notebook.badge(index).locator('span');
        expect(await label.evaluate(contrastOf)).toBeGreaterThan(4.5);
      }
    });
  }
});

for (const windowingMode of ['full', 'defer', 'none', 'contentVisibility']) {
  test.describe(`in windowing mode ${windowingMode}`, () => {
    test.use({
      mockSettings: {
        ...galata.DEFAULT_SETTINGS,
        '@jupyterlab/notebook-extension:tracker': { windowingMode }
      }
    });

    test('the word is on a cell that comes into view', async ({
      page,
      tmpPath
    }) => {
      const path = `${tmpPath}/long.ipynb`;
      const sources = Array.from({ length: 80 }, (_, index) => `x = ${index}`);
      const long = notebookOf(...sources);
      long.cells[70].metadata.tags = ['production'];
      await page.contents.uploadContent(JSON.stringify(long), 'text', path);
      await page.notebook.openByPath(path);
      const panel = new PanelPage(page);
      await panel.open();
      await panel
        .section('Marked cells')
        .getByRole('button', { name: 'x = 70' })
        .click();
      const badge = page.locator('.jp-nbdeploy-Badge');
      await expect(badge).toBeInViewport();
      await expect(badge).toHaveText('Production');
    });
  });
}

/** The contrast of an element's text with its ground (WCAG 2.2, 1.4.3). */
function contrastOf(element: Element): number {
  const luminance = (colour: string): number => {
    const [red, green, blue] = (colour.match(/\d+(\.\d+)?/g) ?? [])
      .map(Number)
      .map(value => value / 255)
      .map(value =>
        value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
      );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const { backgroundColor, color } = getComputedStyle(element);
  const [dark, light] = [color, backgroundColor].map(luminance).sort();
  return (light + 0.05) / (dark + 0.05);
}
