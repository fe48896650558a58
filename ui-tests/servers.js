const path = require('node:path');

const first = Number(process.env.UI_TEST_PORT ?? '8917');

function serverOf(offset, env) {
  const port = first + offset;
  return { port, url: `http://127.0.0.1:${port}`, env };
}

// What most people have: no jupyter-collaboration.
const single = { JUPYTER_CONFIG_PATH: path.join(__dirname, 'config') };

/** The Jupyter servers that the tests talk to. */
module.exports = {
  plain: serverOf(0, single),
  // Two people on one notebook.
  collaborative: serverOf(1, { UI_TEST_COLLABORATION: '1' }),
  // No engine answers at that address.
  engineless: serverOf(2, {
    ...single,
    DOCKER_HOST: 'unix:///nonexistent/docker.sock'
  })
};
