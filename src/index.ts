import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { badgesPlugin } from './plugins/badges';
import { deployCommandPlugin } from './plugins/deploy-command';
import { marksPlugin } from './plugins/marks';
import {
  analysisPlugin,
  deploymentsPlugin,
  deployPlugin,
  notebookPlugin
} from './plugins/models';
import { newsPlugin } from './plugins/news';
import { panelPlugin } from './plugins/panel';
import { problemCommandsPlugin } from './plugins/problem-commands';
import { problemsPlugin } from './plugins/problems';
import { serverCheckPlugin } from './plugins/server-check';

/** Every plugin of the extension. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  marksPlugin,
  badgesPlugin,
  notebookPlugin,
  analysisPlugin,
  deployPlugin,
  deploymentsPlugin,
  deployCommandPlugin,
  panelPlugin,
  problemsPlugin,
  problemCommandsPlugin,
  newsPlugin,
  serverCheckPlugin
];

export default plugins;
