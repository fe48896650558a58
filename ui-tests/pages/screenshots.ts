import { join } from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';

const FOLDER = join(__dirname, '../../docs/screenshots');
const THEMES = { light: 'JupyterLab Light', dark: 'JupyterLab Dark' } as const;
const WINDOW = { width: 1280, height: 860 };
const SIDEBAR_PX = 300;

/** Keep pictures for the documentation, in both themes, where the run asks for it. */
export async function keepScreenshots(
  page: IJupyterLabPageFixture,
  name: string,
  selector: string
): Promise<void> {
  if (!process.env.UI_TEST_SCREENSHOTS) {
    return;
  }
  await page.evaluate(() => {
    for (const widget of window.jupyterapp.shell.widgets('main')) {
      if (widget.title.label === 'Launcher') {
        widget.close();
      }
    }
  });
  await page.setViewportSize(WINDOW);
  await page.sidebar.setWidth(SIDEBAR_PX, 'left');
  for (const [word, theme] of Object.entries(THEMES)) {
    await page.theme.setTheme(theme);
    const path = join(FOLDER, `${name}-${word}.png`);
    // Nothing that passes by: a pointer's highlight, a blinking cursor.
    await page.mouse.move(0, 0);
    await page.locator(selector).screenshot({ path, animations: 'disabled' });
  }
  await page.theme.setTheme(THEMES.light);
}
