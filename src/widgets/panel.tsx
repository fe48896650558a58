import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { PANEL_ID } from '../tokens';
import { DeployBox } from './deploy-box';
import { DeploymentsList } from './deployments-list';
import { Diagnostics } from './diagnostics';
import { Endpoints } from './endpoints';
import { nbdeployIcon } from './icons';
import { MarkedCells } from './marked-cells';
import { type IPanelContext, PanelProvider } from './panel-context';
import { Values } from './values';

/** The panel in the left sidebar. */
export class NbdeployPanel extends ReactWidget {
  constructor(private readonly _context: IPanelContext) {
    super();
    const { trans } = _context;
    this.id = PANEL_ID;
    this.addClass('jp-nbdeploy-Panel');
    this.title.icon = nbdeployIcon;
    this.title.caption = trans.__('Notebook Deployment');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Notebook Deployment'));
  }

  protected override render(): React.JSX.Element {
    return (
      <PanelProvider value={this._context}>
        <DeployBox />
        <Diagnostics />
        <Endpoints />
        <Values />
        <MarkedCells />
        <DeploymentsList />
      </PanelProvider>
    );
  }
}
