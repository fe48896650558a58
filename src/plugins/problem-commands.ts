import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { Notebook } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import {
  findNeighbour,
  type INotebookPlace,
  type IPlacedDiagnostic,
  listPlaces
} from '../models/problems';
import { CommandIDs, IAnalysisModel, TRANSLATION_DOMAIN } from '../tokens';
import { enterProblem } from './problem-place';

const NO_ARGS = { type: 'object', properties: {} };

/** The commands that go from problem to problem. */
export const problemCommandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:problem-commands',
  description: 'Goes to the next and the previous problem in the notebook.',
  autoStart: true,
  requires: [IAnalysisModel],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    analysis: IAnalysisModel,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const steps = [
      {
        command: CommandIDs.nextProblem,
        label: trans.__('Go to Next Problem'),
        direction: 'next'
      },
      {
        command: CommandIDs.previousProblem,
        label: trans.__('Go to Previous Problem'),
        direction: 'previous'
      }
    ] as const;
    for (const { command, direction, label } of steps) {
      app.commands.addCommand(command, {
        label,
        describedBy: { args: NO_ARGS },
        isEnabled: () => placesOf(analysis).length > 0,
        execute: async () => {
          const { panel } = analysis.notebook;
          const from = panel && placeOf(panel.content);
          const found = from
            ? findNeighbour(placesOf(analysis), from, direction)
            : undefined;
          if (panel && found) {
            await enterProblem(panel, found.diagnostic);
          }
        }
      });
      palette?.addItem({
        command,
        category: trans.__('Notebook Deployment')
      });
      analysis.changed.connect(
        () => app.commands.notifyCommandChanged(command),
        app
      );
    }
  }
};

function placesOf(analysis: IAnalysisModel): readonly IPlacedDiagnostic[] {
  const model = analysis.notebook.panel?.content.model;
  return model ? listPlaces(model, analysis.analysis?.diagnostics ?? []) : [];
}

/** Where the cursor is; the active cell as a whole while nobody edits it. */
function placeOf(notebook: Notebook): INotebookPlace {
  const cursor =
    notebook.mode === 'edit'
      ? notebook.activeCell?.editor?.getCursorPosition()
      : undefined;
  return {
    index: notebook.activeCellIndex,
    line: cursor?.line ?? 0,
    column: cursor?.column ?? -1
  };
}
