import { expect } from '@jupyterlab/galata';

import { markedLoan } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';
import { keepScreenshots } from '../pages/screenshots';
import { test } from '../pages/service';
import servers from '../servers';

const SENTENCE = "The Docker engine is not running or can't be reached.";

test.use({ baseURL: servers.engineless.url });

test.describe('with no engine', () => {
  let panel: PanelPage;

  test.beforeEach(async ({ page, upload }) => {
    await upload(markedLoan('def test_decide():\n    assert decide(1.0, 9.0)'));
    panel = new PanelPage(page);
    await panel.open();
  });

  test('the panel says so and chooses the process target', async ({ page }) => {
    await expect(panel.target).toHaveValue('process');
    const notice = panel.root.locator('.jp-nbdeploy-Notice');
    await expect(notice).toHaveCount(1);
    await expect(notice).toContainText(SENTENCE);
    await expect(notice).toContainText(
      'The service will run as a process on this machine, without a container.'
    );
    // The analysis needs no engine.
    await expect(panel.section('Endpoints')).toContainText('decide(');
    await keepScreenshots(page, 'no-engine', '#nbdeploy-panel');
  });

  test('who insists on Docker reads one clear sentence', async () => {
    await panel.target.selectOption('docker');
    await panel.deployButton.click();
    await expect(panel.root.getByRole('alert')).toContainText(SENTENCE);
    await expect(panel.root.getByText(SENTENCE)).toHaveCount(1);
    await expect(panel.deployButton).toBeEnabled();
  });

  test('the notebook is deployed as a process', async ({
    request,
    service
  }) => {
    await expect(panel.target).toHaveValue('process');
    await panel.deployButton.click();
    await expect(panel.job).toHaveAttribute(
      'data-nbdeploy-state',
      'succeeded',
      { timeout: 60_000 }
    );
    const url = await panel.address.innerText();
    const answer = await request.post(`${url}/decide`, {
      data: { debt: 1, income: 9 }
    });
    expect(await answer.json()).toBe(true);
    await panel.stop(service.name);
    await expect(panel.deployment(service.name)).toContainText('Stopped');
  });
});
