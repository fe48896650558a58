import type { TranslationBundle } from '@jupyterlab/translation';

import type { IDeployment, IJob, IStep, Role } from '../documents';

/** The word that people read for each role. */
export function roleWords(trans: TranslationBundle): Record<Role, string> {
  return {
    production: trans.__('Production'),
    test: trans.__('Test'),
    monitor: trans.__('Monitor'),
    parameters: trans.__('Parameters')
  };
}

/** The word for each step of a deploy. */
export function stepWords(
  trans: TranslationBundle
): Record<IStep['name'], string> {
  return {
    check: trans.__('Check'),
    bundle: trans.__('Bundle'),
    build: trans.__('Build'),
    verify: trans.__('Test'),
    start: trans.__('Start')
  };
}

/** The word for each state of a step. */
export function stepStateWords(
  trans: TranslationBundle
): Record<IStep['state'], string> {
  return {
    pending: trans.__('waiting'),
    running: trans.__('running'),
    done: trans.__('done'),
    failed: trans.__('failed'),
    cancelled: trans.__('cancelled')
  };
}

/** One sentence for each state of a deploy. */
export function jobWords(
  trans: TranslationBundle
): Record<IJob['state'], string> {
  return {
    queued: trans.__('Waiting for the server'),
    running: trans.__('Deploying'),
    succeeded: trans.__('Deployed'),
    failed: trans.__('Not deployed'),
    cancelled: trans.__('Cancelled')
  };
}

/** The word for each state of a deployment. */
export function deploymentWords(
  trans: TranslationBundle
): Record<IDeployment['state'], string> {
  return {
    starting: trans.__('Starting'),
    running: trans.__('Running'),
    failed: trans.__('Failed'),
    stopped: trans.__('Stopped')
  };
}

/** The name that people read for a target. */
export function targetWord(target: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    docker: trans.__('Docker container'),
    process: trans.__('Process on this machine'),
    kubernetes: trans.__('Kubernetes')
  };
  return words[target] ?? target;
}
