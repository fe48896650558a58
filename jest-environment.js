const JupyterLabEnvironment =
  require('@jupyterlab/testing/lib/jest-env').default;

/** jsdom has abort signals of its own, which the real `fetch` does not take. */
module.exports = class extends JupyterLabEnvironment {
  constructor(...args) {
    super(...args);
    this.global.AbortController = AbortController;
    this.global.AbortSignal = AbortSignal;
  }
};
