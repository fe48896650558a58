import { expect, type Page, test } from '@playwright/test';

import { NotebookPage } from '../pages/notebook-page';
import { LOAN } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';
import servers from '../servers';

test.use({ baseURL: servers.collaborative.url });

async function openNotebook(
  page: Page,
  path: string,
  person: string
): Promise<NotebookPage> {
  await page.goto(`/lab/workspaces/${person}/tree/${path}?reset`);
  const notebook = new NotebookPage(page);
  await expect(notebook.cell(6)).toBeVisible({ timeout: 60_000 });
  return notebook;
}

test('two people see each other mark, and each undoes the own', async ({
  browser,
  request
}) => {
  await request.put('/api/contents/shared.ipynb', {
    data: { type: 'notebook', format: 'json', content: LOAN }
  });
  const contexts = [await browser.newContext(), await browser.newContext()];
  const [ada, bob] = await Promise.all(
    contexts.map(async (context, index) =>
      openNotebook(await context.newPage(), 'shared.ipynb', `person${index}`)
    )
  );

  await ada.mark(3, 'Production');
  await expect(bob.badge(3)).toHaveText('Production');
  await bob.mark(4, 'Test');
  await expect(ada.badge(4)).toHaveText('Test');

  await ada.cell(3).locator('.jp-InputPrompt').click();
  await ada.undo();
  await expect(bob.badge(3)).toHaveCount(0);
  await expect(bob.badge(4)).toHaveText('Test');

  await Promise.all(contexts.map(context => context.close()));
});

test('a deploy takes what people see, not what was saved before', async ({
  page,
  request
}) => {
  await request.put('/api/contents/unsaved.ipynb', {
    data: { type: 'notebook', format: 'json', content: LOAN }
  });
  const notebook = await openNotebook(page, 'unsaved.ipynb', 'person0');
  const panel = new PanelPage(page);
  await notebook.mark(3, 'Production');
  await panel.toolbarButton.click();
  // Only a server that reads the new mark can say what that cell lacks.
  await expect(panel.job).toHaveAttribute('data-nbdeploy-state', 'failed');
  const problems = panel.job.locator('.jp-nbdeploy-Diagnostic');
  await expect(problems.filter({ hasText: 'ratio' })).not.toHaveCount(0);
});
