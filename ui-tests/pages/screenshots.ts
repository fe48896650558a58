import { join } from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';

const FOLDER = join(__dirname, '../../docs/screenshots');
const THEMES = { light: 'JupyterLab Light', dark: 'JupyterLab Dark' } as const;

/** Keep pictures for the documentation, in both themes, where the run asks for it. */
export async function keepScreenshots(
  page: IJupyterLabPageFixture,
  name: string,
  selector: string
): Promise<void> {
  if (!process.env.UI_TEST_SCREENSHOTS) {
    return;
  }
  for (const [word, theme] of Object.entries(THEMES)) {
    await page.theme.setTheme(theme);
    const path = join(FOLDER, `${name}-${word}.png`);
    await page.locator(selector).screenshot({ path });
  }
  await page.theme.setTheme(THEMES.light);
}
