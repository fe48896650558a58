const base = require('@jupyterlab/galata/lib/playwright-config');

const servers = require('./servers');

module.exports = {
  ...base,
  testDir: 'tests',
  // The tests share one engine and two cores.
  workers: 1,
  fullyParallel: false,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: process.env.CI ? [['github'], ['list']] : [['list']],
  use: {
    ...base.use,
    baseURL: servers.plain.url,
    // Galata's recorder needs a browser build that Playwright downloads.
    video: 'off',
    actionTimeout: 30_000,
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
  webServer: Object.values(servers).map(({ env, port, url }) => ({
    command: 'jlpm start',
    url: `${url}/api/status`,
    env: { ...process.env, UI_TEST_PORT: String(port), ...env },
    timeout: 120_000,
    reuseExistingServer: !process.env.CI,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 }
  }))
};
