const base = require('@jupyterlab/galata/lib/playwright-config');

const port = process.env.UI_TEST_PORT ?? '8917';
const url = `http://127.0.0.1:${port}`;

module.exports = {
  ...base,
  testDir: 'tests',
  // The tests share one server, one engine and two cores.
  workers: 1,
  fullyParallel: false,
  timeout: 90_000,
  reporter: process.env.CI ? [['github'], ['list']] : [['list']],
  use: {
    ...base.use,
    baseURL: url,
    // Galata's recorder needs a browser build that Playwright downloads.
    video: 'off',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.UI_TEST_BROWSER ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync'
      ]
    }
  },
  webServer: {
    command: 'jlpm start',
    url: `${url}/lab`,
    env: { ...process.env, UI_TEST_PORT: port },
    timeout: 120_000,
    reuseExistingServer: !process.env.CI,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 }
  }
};
