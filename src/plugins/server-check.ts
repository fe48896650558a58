import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';

import { ServerAPI } from '../api/server-api';
import { checkServer, type ServerCheck } from '../models/versions';
import { TRANSLATION_DOMAIN } from '../tokens';

/** Says once at start when the server half is missing or of another version. */
export const serverCheckPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:server-check',
  description: 'Compares the versions of front end and server extension.',
  autoStart: true,
  requires: [ISettingRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    registry: ISettingRegistry,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const api = new ServerAPI(app.serviceManager.serverSettings);
    void app.restored.then(async () => {
      // The registry knows the version under which this front end is installed.
      const { version } = await registry.load(serverCheckPlugin.id);
      const check = await checkServer(api, version);
      const message = messageOf(check, version, trans);
      if (message) {
        Notification.error(message, { autoClose: false });
      }
    });
  }
};

function messageOf(
  check: ServerCheck,
  version: string,
  trans: TranslationBundle
): string {
  switch (check.kind) {
    case 'same':
      return '';
    case 'missing':
      return trans.__(
        'The server half of nbdeploy is missing, so notebooks can be marked but not deployed. Run “pip install nbdeploy” where the Jupyter server runs, and restart it.'
      );
    case 'silent':
      return trans.__('nbdeploy gets no answer: %1', check.message);
    case 'different':
      return trans.__(
        'nbdeploy %1 runs in the browser and %2 on the server. Run “pip install nbdeploy==%1” where the Jupyter server runs, restart it, and reload this page.',
        version,
        check.server
      );
  }
}
