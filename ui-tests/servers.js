const first = Number(process.env.UI_TEST_PORT ?? '8917');

function serverOf(offset, env) {
  const port = first + offset;
  return { port, url: `http://127.0.0.1:${port}`, env };
}

/** The Jupyter servers that the tests talk to. */
module.exports = {
  plain: serverOf(0, {}),
  // Two people on one notebook.
  collaborative: serverOf(1, { UI_TEST_COLLABORATION: '1' }),
  // No engine answers at that address.
  engineless: serverOf(2, { DOCKER_HOST: 'unix:///nonexistent/docker.sock' })
};
