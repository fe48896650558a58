import { expect, test } from '@playwright/test';

import { NotebookPage } from '../pages/notebook-page';
import { markedLoan } from '../pages/notebooks';
import servers from '../servers';

const BROKEN = markedLoan('def test_decide():\n    assert decide(missing, 1)');

test('problems show on the cells in Notebook 7', async ({ page, request }) => {
  await request.put('/api/contents/problems7.ipynb', {
    data: { type: 'notebook', format: 'json', content: BROKEN }
  });
  await page.goto('/notebooks/problems7.ipynb');
  const notebook = new NotebookPage(page);
  await expect(notebook.marks(4)).toHaveText('missing');
  await expect(notebook.problems(4)).toContainText('missing is not defined');
  await notebook.cell(0).locator('.jp-InputPrompt').click();
  await page.keyboard.press('Alt+F8');
  await expect(notebook.cell(4)).toHaveClass(/jp-mod-active/);
});

test.describe('with two people on the notebook', () => {
  test.use({ baseURL: servers.collaborative.url });

  test('each sees the other’s problems, and one fix mends both', async ({
    browser,
    request
  }) => {
    const loan = markedLoan('def test_decide():\n    assert decide(1, 9)');
    delete loan.cells[0].metadata.tags;
    await request.put('/api/contents/both.ipynb', {
      data: { type: 'notebook', format: 'json', content: loan }
    });
    const contexts = [await browser.newContext(), await browser.newContext()];
    const [ada, bob] = await Promise.all(
      contexts.map(async (context, index) => {
        const page = await context.newPage();
        await page.goto(`/lab/workspaces/p${index}/tree/both.ipynb?reset`);
        return new NotebookPage(page);
      })
    );
    await expect(bob.marks(3)).toHaveText('LIMIT', { timeout: 60_000 });
    await expect(ada.marks(3)).toHaveText('LIMIT', { timeout: 60_000 });

    // What one types moves the other's marks along.
    await ada.edit(3);
    await ada.page.keyboard.press('Control+Home');
    await ada.page.keyboard.type('\n\n');
    await expect(bob.problems(3)).toContainText('line 4');
    await expect(bob.marks(3)).toHaveText('LIMIT');

    await bob
      .problems(3)
      .getByRole('button', { name: /^Mark/ })
      .click();
    await expect(ada.badge(0)).toHaveText('Production');
    await expect(ada.problems(3)).toHaveCount(0);
    await expect(bob.problems(3)).toHaveCount(0);
    await Promise.all(contexts.map(context => context.close()));
  });
});
