import { expect, test } from '@playwright/test';

import { NotebookPage } from '../pages/notebook-page';
import { LOAN } from '../pages/notebooks';

test('marks work in Notebook 7', async ({ page, request }) => {
  await request.put('/api/contents/notebook7.ipynb', {
    data: { type: 'notebook', format: 'json', content: LOAN }
  });
  await page.goto('/notebooks/notebook7.ipynb');
  const notebook = new NotebookPage(page);
  await expect(notebook.cell(6)).toBeVisible();
  await notebook.mark(3, 'Production');
  await notebook.openMenu(3);
  await expect(notebook.menuItem('Mark as Production Cell')).toHaveClass(
    /lm-mod-toggled/
  );
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+s');
  await expect(async () => {
    const saved = await request.get('/api/contents/notebook7.ipynb');
    const { content } = (await saved.json()) as { content: typeof LOAN };
    expect(content.cells[3].metadata.tags).toEqual(['production']);
  }).toPass();
});
