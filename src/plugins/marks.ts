import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker } from '@jupyterlab/notebook';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Marks, Role } from '../documents';
import { applyMarks, roleOf } from '../models/marks';
import { CommandIDs, TRANSLATION_DOMAIN } from '../tokens';
import { findMeantCells } from './meant-cells';

const ARGS_SCHEMA = {
  type: 'object',
  properties: {
    fromContextMenu: {
      type: 'boolean',
      description: 'Whether the cell under the pointer is meant'
    }
  }
};

interface IMarkCommand {
  readonly command: string;
  readonly role: Role | null;
  readonly label: string;
}

/** The commands that mark cells. */
export const marksPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:marks',
  description: 'Marks cells with their role.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const category = trans.__('Notebook Deployment');
    for (const mark of markCommands(trans)) {
      addMarkCommand(app, tracker, mark);
      palette?.addItem({ command: mark.command, category });
    }
  }
};

function markCommands(trans: TranslationBundle): IMarkCommand[] {
  return [
    {
      command: CommandIDs.markProduction,
      role: 'production',
      label: trans.__('Mark as Production Cell')
    },
    {
      command: CommandIDs.markTest,
      role: 'test',
      label: trans.__('Mark as Test Cell')
    },
    {
      command: CommandIDs.markMonitor,
      role: 'monitor',
      label: trans.__('Mark as Monitor Cell')
    },
    {
      command: CommandIDs.markParameters,
      role: 'parameters',
      label: trans.__('Mark as Parameters Cell')
    },
    { command: CommandIDs.clearMark, role: null, label: trans.__('Clear Mark') }
  ];
}

function addMarkCommand(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  { command, role, label }: IMarkCommand
): void {
  const meant = (args: ReadonlyPartialJSONObject): readonly Cell[] =>
    (findMeantCells(app, tracker, args)?.cells ?? []).filter(isMarkable(role));
  app.commands.addCommand(command, {
    label,
    describedBy: { args: ARGS_SCHEMA },
    isToggleable: role !== null,
    isEnabled: args => meant(args).length > 0,
    isToggled: args => {
      const cells = meant(args);
      return cells.length > 0 && cells.every(hasRole(role));
    },
    execute: args => {
      const panel = findMeantCells(app, tracker, args)?.panel;
      if (panel?.model) {
        applyMarks(panel.model, marksOf(meant(args), role));
        // Menu and palette took the focus; the undo keys work in the notebook.
        panel.content.activate();
      }
    }
  });
}

/** Only code runs in a service, while any cell's mark can be cleared. */
function isMarkable(role: Role | null): (cell: Cell) => boolean {
  return ({ model }) => (role ? model.type === 'code' : roleOf(model) !== null);
}

function hasRole(role: Role | null): (cell: Cell) => boolean {
  return ({ model }) => role !== null && roleOf(model) === role;
}

function marksOf(cells: readonly Cell[], role: Role | null): Marks {
  return Object.fromEntries(cells.map(({ model }) => [model.id, role]));
}
