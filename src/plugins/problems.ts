import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IAnalysisModel, TRANSLATION_DOMAIN } from '../tokens';
import { NotebookProblems } from '../widgets/notebook-problems';
import { decorateNotebooks } from './notebook-decorations';
import { enterProblem } from './problem-place';

/** The problems on the cells that have them. */
export const problemsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:problems',
  description: 'Shows problems on the cells of the notebook.',
  autoStart: true,
  requires: [INotebookTracker, IAnalysisModel],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    _app: JupyterFrontEnd,
    tracker: INotebookTracker,
    analysis: IAnalysisModel,
    translator: ITranslator | null,
    registry: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    decorateNotebooks(
      tracker,
      { registry, plugin: problemsPlugin.id, key: 'showProblems' },
      panel =>
        new NotebookProblems(panel.content, analysis, {
          trans,
          reveal: diagnostic => void enterProblem(panel, diagnostic)
        })
    );
  }
};
