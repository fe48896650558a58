import { expect, test } from '@jupyterlab/galata';

import { LOAN } from '../pages/notebooks';
import { PanelPage } from '../pages/panel-page';
import servers from '../servers';

test.use({ baseURL: servers.engineless.url });

test.describe('with no engine', () => {
  let panel: PanelPage;

  test.beforeEach(async ({ page, tmpPath }) => {
    const path = `${tmpPath}/loan.ipynb`;
    await page.contents.uploadContent(JSON.stringify(LOAN), 'text', path);
    await page.notebook.openByPath(path);
    panel = new PanelPage(page);
    await panel.open();
  });

  test('the panel says so and chooses the process target', async () => {
    await expect(panel.target).toHaveValue('process');
    await expect(panel.root).toContainText(
      'The service will run as a process on this machine, without a container.'
    );
    await expect(panel.root.getByRole('status').first()).toContainText(
      /Docker engine/
    );
  });

  test('who insists on Docker reads one clear sentence', async () => {
    await panel.target.selectOption('docker');
    await panel.deployButton.click();
    await expect(panel.root.getByRole('alert')).toContainText(/Docker engine/);
    await expect(panel.deployButton).toBeEnabled();
  });
});
