import { expect, type JupyterLabPage } from '@jupyterlab/galata';

import {
  exampleMarks,
  PATIENT,
  uploadExample
} from '../pages/deployed-example';
import { NotebookPage } from '../pages/notebook-page';
import { markedLoan, waitingLoan } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';
import { keepScreenshots } from '../pages/screenshots';
import { test } from '../pages/service';

const STEPS = ['check', 'bundle', 'build', 'verify', 'start'] as const;
const PANEL = '#nbdeploy-panel';
const STATE = 'data-nbdeploy-state';
// A first build downloads the packages.
const BUILD_MS = 300_000;
// Galata's fixture has this option, its type does not.
const AT_ONCE: Parameters<JupyterLabPage['reload']>[0] = {
  waitForIsReady: false
};

test.describe.configure({ timeout: BUILD_MS + 60_000 });

test('a person marks the example, deploys it, calls it and stops it', async ({
  page,
  request,
  service,
  tmpPath
}) => {
  const { asking } = await uploadExample(page, tmpPath, service.name);
  await page.filebrowser.open('breast_cancer.ipynb');
  const notebook = new NotebookPage(page);
  const panel = new PanelPage(page);

  for (const [index, word] of exampleMarks()) {
    await notebook.mark(index, word);
  }
  await panel.open();
  await expect(panel.section('Endpoints')).toContainText('diagnose(');

  await panel.deployButton.click();
  await expect(panel.deployButton).toHaveText('Deploying…');
  for (const step of STEPS) {
    await expect(panel.step(step)).toHaveAttribute(STATE, 'done', {
      timeout: BUILD_MS
    });
  }
  await expect(panel.job).toHaveAttribute(STATE, 'succeeded');
  const url = await panel.address.innerText();
  await expect(panel.deployment(service.name)).toContainText('Running');
  await expect(panel.deployment(service.name)).toContainText(url);

  const answer = await request.post(`${url}/diagnose`, { data: PATIENT });
  expect(answer.status()).toBe(200);
  await page.notebook.run();
  const kernel = (await page.notebook.getCellTextOutput(asking))?.[0] ?? '';
  expect(digitsOf(await answer.text())).toBe(digitsOf(kernel));
  expect(await answer.json()).toEqual(JSON.parse(kernel));

  await panel.markedCell('THRESHOLD').click();
  await page.notebook.save();
  await keepScreenshots(page, 'panel', '#main');
  await keepScreenshots(page, 'deployed', PANEL);
  await keepScreenshots(page, 'marked-cells', '.jp-NotebookPanel');

  await panel.stop(service.name);
  await expect(panel.deployment(service.name)).toContainText('Stopped');
  expect(service.containers()).toEqual([]);
});

test('a reloaded tab goes on showing its deploy', async ({
  page,
  request,
  service,
  upload
}) => {
  await upload(waitingLoan());
  const panel = new PanelPage(page);
  await panel.open();
  await panel.deployButton.click();
  await expect(panel.step('verify')).toHaveAttribute(STATE, 'running', {
    timeout: BUILD_MS
  });

  await page.reload(AT_ONCE);
  await expect(panel.step('verify')).toHaveAttribute(STATE, 'running');
  await expect(panel.deployButton).toHaveText('Deploying…');
  await expect(panel.log).not.toBeEmpty();
  await keepScreenshots(page, 'deploying', PANEL);
  service.release();
  await expect(panel.job).toHaveAttribute(STATE, 'succeeded', {
    timeout: 60_000
  });
  const url = await panel.address.innerText();
  const answer = await request.post(`${url}/decide`, {
    data: { debt: 1, income: 10 }
  });
  expect(await answer.json()).toBe(true);
});

test('a second click on Deploy says that one runs already', async ({
  page,
  service,
  upload
}) => {
  await upload(waitingLoan());
  const panel = new PanelPage(page);
  await panel.toolbarButton.click();
  await expect(panel.step('verify')).toHaveAttribute(STATE, 'running', {
    timeout: BUILD_MS
  });

  await panel.toolbarButton.click();
  await expect(panel.root.getByRole('alert')).toContainText(
    `${service.name} is being deployed already.`
  );
  await expect(panel.step('verify')).toHaveAttribute(STATE, 'running');
  expect(await service.jobs()).toHaveLength(1);
});

test('a cancelled deploy leaves nothing running', async ({
  page,
  service,
  upload
}) => {
  await upload(waitingLoan());
  const panel = new PanelPage(page);
  await panel.open();
  await panel.deployButton.click();
  await expect(panel.step('verify')).toHaveAttribute(STATE, 'running', {
    timeout: BUILD_MS
  });
  await expect.poll(() => service.containers()).toHaveLength(1);

  await panel.job.getByRole('button', { name: 'Cancel' }).click();
  await expect(panel.job).toHaveAttribute(STATE, 'cancelled');
  await expect(panel.job.getByRole('alert')).toContainText('was cancelled');
  expect(service.containers()).toEqual([]);
  await expect(panel.deployment(service.name)).toHaveCount(0);
  await expect(panel.deployButton).toHaveText('Deploy');
  await expect(panel.deployButton).toBeEnabled();
});

test('a failing test cell is refused with its cell and line', async ({
  page,
  service,
  upload
}) => {
  await upload(markedLoan('def test_decide():\n    assert decide(9.0, 10.0)'));
  const notebook = new NotebookPage(page);
  const panel = new PanelPage(page);
  await panel.open();
  await panel.deployButton.click();
  await expect(panel.job).toHaveAttribute(STATE, 'failed', {
    timeout: BUILD_MS
  });
  await expect(panel.step('verify')).toHaveAttribute(STATE, 'failed');
  await expect(panel.step('start')).toHaveAttribute(STATE, 'pending');
  const failure = panel.job.getByRole('button', { name: 'test_decide' });
  await expect(failure).toContainText('cell 5, line 2');
  await keepScreenshots(page, 'refused', PANEL);

  await expect(panel.job.getByRole('alert')).toContainText(
    'One test failed, so nothing was started.'
  );
  await failure.click();
  await expect(notebook.cell(4)).toHaveClass(/jp-mod-active/);
  expect(service.containers()).toEqual([]);
  await expect(panel.deployment(service.name)).toHaveCount(0);
});

/** The probability as it was written, to the last digit. */
function digitsOf(text: string): string {
  return /"probability":\s*([^,}]+)/.exec(text)?.[1] ?? '';
}
