import type { ReadonlyJSONObject } from '@lumino/coreutils';

/** What a marked cell is. */
export type Role = 'production' | 'test' | 'monitor' | 'parameters';

/** Every role, in the order in which people read a service. */
export const ROLES: readonly Role[] = [
  'parameters',
  'production',
  'test',
  'monitor'
];

/** Roles by cell id; null clears the cell's role. */
export type Marks = Readonly<Record<string, Role | null>>;

/** What can be done about a diagnostic; `mark`, `value` and `move` are those that we apply. */
export interface IFix {
  readonly title: string;
  readonly kind: string;
  readonly marks?: Marks | null;
  readonly values?: readonly string[] | null;
  /** Cells that go, in this order, before the cell `before`. */
  readonly moves?: readonly string[] | null;
  readonly before?: string | null;
}

/** One problem in the notebook; `line` and `column` count from 1 in the cell. */
export interface IDiagnostic {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly cell: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
  readonly fix: IFix | null;
  readonly other_fix?: IFix | null;
}

/** An object that ships as data; type and size are known once it was saved. */
export interface IValue {
  readonly name: string;
  readonly cell: string;
  readonly type: string | null;
  readonly bytes: number | null;
  readonly stale: boolean;
}

/** One served function; `parameters` and `result` are JSON Schemas. */
export interface IEndpoint {
  readonly name: string;
  readonly path: string;
  readonly cell: string;
  readonly parameters: ReadonlyJSONObject;
  readonly result?: ReadonlyJSONObject | null;
}

/** What `POST /analysis` answers. */
export interface IAnalysis {
  readonly name: string;
  readonly endpoints: readonly IEndpoint[];
  readonly values: readonly IValue[];
  readonly diagnostics: readonly IDiagnostic[];
}

/** Whether a target can be used now, and if not, why and what to do. */
export interface IAvailability {
  readonly name: string;
  readonly available: boolean;
  readonly reason: string;
  readonly hint: string;
}

/** What `GET /status` answers. */
export interface IStatus {
  readonly version: string;
  readonly targets: readonly IAvailability[];
  readonly default_target: string;
}

/** How far a step is; `seconds` is null until it has started. */
export interface IStep {
  readonly name: 'check' | 'bundle' | 'build' | 'verify' | 'start';
  readonly state: 'pending' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly seconds: number | null;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** One test cell's outcome in the gate. */
export interface ITestOutcome {
  readonly name: string;
  readonly cell: string;
  readonly line: number | null;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly message: string;
}

/** A fault as every route and every failed job says it. */
export interface IFault {
  readonly message: string;
  readonly code: string;
  readonly hint: string;
  readonly details?: ReadonlyJSONObject | null;
}

/** What a finished deploy answers; a refused one has diagnostics or tests. */
export interface IDeployResult {
  readonly name?: string;
  readonly version?: number | null;
  readonly url?: string;
  readonly target?: string;
  readonly tests?: readonly ITestOutcome[];
  readonly diagnostics?: readonly IDiagnostic[];
}

/** A piece of work on the server. */
export interface IJob {
  readonly id: string;
  readonly kind: 'deploy' | 'rollback' | 'stop';
  readonly name: string;
  readonly path: string;
  readonly target: string;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly steps: readonly IStep[];
  readonly log?: readonly string[];
  readonly result: IDeployResult | null;
  readonly error: IFault | null;
}

/** One numbered image of a deployment. */
export interface IVersion {
  readonly version: number;
  readonly created: string;
  readonly live: boolean;
}

/** A named service. */
export interface IDeployment {
  readonly name: string;
  readonly target: string;
  readonly state: 'starting' | 'running' | 'failed' | 'stopped';
  readonly url: string;
  readonly version: number | null;
  readonly versions: readonly IVersion[];
  readonly notebook: string;
  readonly message: string;
}

/** Whether the job has not ended yet. */
export function isActive(job: Pick<IJob, 'state'>): boolean {
  return job.state === 'queued' || job.state === 'running';
}

/** The tests that stood in the job's way. */
export function failedTests({
  result
}: Pick<IJob, 'result'>): readonly ITestOutcome[] {
  return (result?.tests ?? []).filter(({ outcome }) => outcome === 'failed');
}

/** The problems that stood in the job's way. */
export function blockingDiagnostics({
  result
}: Pick<IJob, 'result'>): readonly IDiagnostic[] {
  return (result?.diagnostics ?? []).filter(
    ({ severity }) => severity === 'error'
  );
}
