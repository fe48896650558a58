import * as React from 'react';

import type { IStep } from '../documents';

const TICK_MS = 500;
const MEGA = 1_000_000;

/** Return a running step's time as it passes, another's as the server measured it. */
export function useElapsed(step: IStep): number | null {
  const running = step.state === 'running';
  const [now, setNow] = React.useState(0);
  const told = React.useRef({ seconds: step.seconds, at: performance.now() });
  if (told.current.seconds !== step.seconds) {
    told.current = { seconds: step.seconds, at: performance.now() };
  }
  React.useEffect(() => {
    if (!running) {
      return undefined;
    }
    const timer = setInterval(() => setNow(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [running]);
  if (!running) {
    return step.seconds;
  }
  const since = Math.max(0, now - told.current.at) / 1000;
  return (step.seconds ?? 0) + since;
}

/** Write how far a step is: `12 / 48 MB`; empty where nobody knows. */
export function amountOf({ done, total, unit }: IStep): string {
  if (done === 0 && total === 0) {
    return '';
  }
  const inBytes = /^(b|bytes?)$/i.test(unit);
  const shown = inBytes ? 'MB' : unit;
  const count = (value: number): string =>
    inBytes ? (value / MEGA).toFixed(1) : String(value);
  const amount = total > 0 ? `${count(done)} / ${count(total)}` : count(done);
  return `${amount} ${shown}`.trim();
}

/** Write a duration in seconds with one decimal; `< 0.1` for less. */
export function secondsOf(seconds: number): string {
  return seconds > 0 && seconds < 0.1 ? '< 0.1' : seconds.toFixed(1);
}
