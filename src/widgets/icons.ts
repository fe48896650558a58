import { LabIcon } from '@jupyterlab/ui-components';

import blockedSvg from '../../style/icons/blocked.svg';
import errorSvg from '../../style/icons/error.svg';
import nbdeploySvg from '../../style/icons/nbdeploy.svg';
import ringSvg from '../../style/icons/ring.svg';
import warningSvg from '../../style/icons/warning.svg';

/** The extension's own icon: a notebook that goes up. */
export const nbdeployIcon = new LabIcon({
  name: 'nbdeploy-ext:nbdeploy',
  svgstr: nbdeploySvg
});

/** A ring with a gap, for CSS to turn. */
export const ringIcon = new LabIcon({
  name: 'nbdeploy-ext:ring',
  svgstr: ringSvg
});

/** A barred circle. */
export const blockedIcon = new LabIcon({
  name: 'nbdeploy-ext:blocked',
  svgstr: blockedSvg
});

/** An octagon with an exclamation mark. */
export const errorIcon = new LabIcon({
  name: 'nbdeploy-ext:error',
  svgstr: errorSvg
});

/** A triangle with an exclamation mark. */
export const warningIcon = new LabIcon({
  name: 'nbdeploy-ext:warning',
  svgstr: warningSvg
});
