import type {
  ICell,
  IMimeBundle,
  INotebookContent,
  IOutput
} from '@jupyterlab/nbformat';

/**
 * Return the notebook without what analysis never reads and what makes it big.
 *
 * Text in outputs stays: a secret may have been printed.
 */
export function withoutPictures(content: INotebookContent): INotebookContent {
  return { ...content, cells: content.cells.map(stripCell) };
}

function stripCell(cell: ICell): ICell {
  const { attachments: _, outputs, ...rest } = cell;
  return Array.isArray(outputs)
    ? { ...rest, outputs: (outputs as IOutput[]).map(stripOutput) }
    : rest;
}

function stripOutput(output: IOutput): IOutput {
  const bundle = output.data as IMimeBundle | undefined;
  if (!bundle) {
    return output;
  }
  const entries = Object.entries(bundle);
  const data = Object.fromEntries(
    entries.filter(([mime]) => mime.startsWith('text/'))
  );
  return { ...output, data };
}
