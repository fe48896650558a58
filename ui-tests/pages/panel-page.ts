import type { Locator, Page } from '@playwright/test';

/** The nbdeploy panel in the left sidebar. */
export class PanelPage {
  readonly root: Locator;
  readonly deployButton: Locator;
  /** The button in the notebook's own toolbar. */
  readonly toolbarButton: Locator;
  readonly job: Locator;
  readonly address: Locator;
  readonly log: Locator;

  constructor(readonly page: Page) {
    this.root = page.locator('#nbdeploy-panel');
    this.deployButton = this.root.locator('button.jp-mod-primary');
    this.toolbarButton = page.locator(
      '.jp-NotebookPanel-toolbar [data-jp-item-name="nbdeploy"]'
    );
    this.job = this.root.locator('.jp-nbdeploy-Job');
    this.address = this.job.locator('.jp-nbdeploy-Address a');
    this.log = this.job.locator('.jp-nbdeploy-Log pre');
  }

  async open(): Promise<void> {
    await this.page.evaluate(async () => {
      await window.jupyterapp.commands.execute('nbdeploy:open-panel');
    });
    await this.root.waitFor({ state: 'visible' });
  }

  section(title: string): Locator {
    return this.root.getByRole('region', { name: title });
  }

  /** The row of a marked cell, found by a part of its title. */
  markedCell(title: string): Locator {
    return this.section('Marked cells').getByRole('button', { name: title });
  }

  step(name: 'check' | 'bundle' | 'build' | 'verify' | 'start'): Locator {
    return this.job.locator(`[data-nbdeploy-step="${name}"]`);
  }

  deployment(name: string): Locator {
    return this.root.locator('.jp-nbdeploy-Deployment', { hasText: name });
  }

  get target(): Locator {
    return this.root.getByLabel('Deploy to');
  }

  /** Stop a deployment and say yes to the question. */
  async stop(name: string): Promise<void> {
    await this.deployment(name).getByRole('button', { name: 'Stop' }).click();
    await this.page
      .locator('.jp-Dialog')
      .getByRole('button', { name: 'Stop' })
      .click();
  }
}
