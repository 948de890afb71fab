import { useTranslation } from 'react-i18next';
import type { Verdict } from '../api/types';
import { ago, localTime, utcTime } from '../format/time';
import { Fires } from '../widgets/Fires';
import classes from './VerdictList.module.css';
import { AT_A_MOMENT, verdictText } from './words';

/** The judgement in words, worst first; all is well is said too. */
export function VerdictList({ verdicts, nowMs, up }: { verdicts: readonly Verdict[]; nowMs: number; up: boolean }) {
  const { t, i18n } = useTranslation();
  if (verdicts.length === 0)
    return (
      <p className={classes.line}>
        {up && <Fires severity="ok" />}
        <span>{t(up ? 'verdict.well' : 'verdict.ended')}</span>
      </p>
    );
  return (
    <ul className={classes.list}>
      {verdicts.map((v) => (
        <li key={v.code} className={classes.line} data-severity={v.severity}>
          <Fires severity={v.severity} />
          <span>
            {verdictText(v, t, i18n.language, nowMs)}
            {v.since_ms > 0 && AT_A_MOMENT.has(v.code) && (
              <span className={classes.since} title={`${localTime(v.since_ms)} · ${utcTime(v.since_ms)}`}>
                {ago(v.since_ms, nowMs, i18n.language)}
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
