import { expect, test } from '@jupyterlab/galata';

import {
  exampleMarks,
  NAME,
  PATIENT,
  uploadExample
} from '../pages/deployed-example';
import { NotebookPage } from '../pages/notebook-page';
import { PanelPage } from '../pages/panel-page';
import { keepScreenshots } from '../pages/screenshots';

const STEPS = ['check', 'bundle', 'build', 'verify', 'start'] as const;
// A first build downloads the packages.
const BUILD_MS = 600_000;

test('a person marks the example, deploys it and calls it', async ({
  page,
  request,
  tmpPath
}) => {
  test.setTimeout(BUILD_MS + 120_000);
  const { asking, path } = await uploadExample(page, tmpPath);
  await page.notebook.openByPath(path);
  await page.notebook.activate('breast_cancer.ipynb');
  const notebook = new NotebookPage(page);
  const panel = new PanelPage(page);

  for (const [index, word] of exampleMarks()) {
    await notebook.mark(index, word);
  }
  await panel.open();
  await expect(panel.section('Endpoints')).toContainText('diagnose(');

  // The toolbar's button opens the panel and starts.
  await page.locator('.jp-NotebookPanel-toolbar').getByText('Deploy').click();
  await expect(panel.deployButton).toBeDisabled();
  await expect(panel.job).toHaveAttribute(
    'data-nbdeploy-state',
    /succeeded|failed|cancelled/,
    { timeout: BUILD_MS }
  );
  for (const step of STEPS) {
    await expect(panel.step(step)).toHaveAttribute(
      'data-nbdeploy-state',
      'done'
    );
  }
  await expect(panel.address).toBeVisible();
  const url = await panel.address.getAttribute('href');
  await expect(panel.deployment(NAME)).toContainText('Running');

  const answer = await request.post(`${url}/diagnose`, { data: PATIENT });
  expect(answer.status()).toBe(200);
  await page.notebook.run();
  const kernel = (await page.notebook.getCellTextOutput(asking))?.[0] ?? '';
  expect(digitsOf(await answer.text())).toBe(digitsOf(kernel));
  expect(await answer.json()).toEqual(JSON.parse(kernel));

  await keepScreenshots(page, 'panel', '#nbdeploy-panel');
  await notebook.cell(24).scrollIntoViewIfNeeded();
  await notebook.cell(27).scrollIntoViewIfNeeded();
  await keepScreenshots(page, 'marked-cells', '#main');

  await panel.stop(NAME);
  await expect(panel.deployment(NAME).getByText('Running')).toHaveCount(0);
});

test('a reloaded tab finds its running deploy again and can cancel it', async ({
  page,
  tmpPath
}) => {
  test.setTimeout(BUILD_MS);
  const { path } = await uploadExample(page, tmpPath);
  await page.notebook.openByPath(path);
  await page.notebook.activate('breast_cancer.ipynb');
  const notebook = new NotebookPage(page);
  const panel = new PanelPage(page);
  for (const [index, word] of exampleMarks()) {
    await notebook.mark(index, word);
  }
  await panel.open();
  await panel.deployButton.click();
  await expect(panel.job).toBeVisible();

  await page.goto();
  await page.notebook.openByPath(path);
  await panel.open();
  await expect(panel.job).toBeVisible();
  await panel.job.getByRole('button', { name: 'Cancel' }).click();
  await expect(panel.job).toHaveAttribute('data-nbdeploy-state', 'cancelled', {
    timeout: 60_000
  });
  await expect(panel.deployButton).toBeEnabled();
});

/** The probability as it was written, to the last digit. */
function digitsOf(text: string): string {
  return /"probability":\s*([^,}]+)/.exec(text)?.[1] ?? '';
}
