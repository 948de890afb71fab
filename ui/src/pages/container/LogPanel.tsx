import { Button, Switch, TextInput } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clockTime, localTime, utcTime } from '../../format/time';
import { splitHits } from '../logs/text';
import { lineMs, type ShownLine } from './log';
import classes from './LogPanel.module.css';
import { BROKEN, useLogTail } from './useLogTail';

interface Props {
  id: string;
  running: boolean;
}

/** The live tail of a container's log, as its runtime has it. */
export function LogPanel({ id, running }: Props) {
  const { t } = useTranslation();
  const [attempt, setAttempt] = useState(0);
  const tail = useLogTail(id, attempt);
  const [paused, setPaused] = useState<readonly ShownLine[] | null>(null);
  const [wrap, setWrap] = useState(true);
  const [search, setSearch] = useState('');
  const scroll = useRef<HTMLDivElement>(null);
  const sticky = useRef(true);
  const source = paused ?? tail.lines;
  const shown = useMemo(() => {
    const needle = search.toLowerCase();
    return needle === '' ? source : source.filter((l) => l.text.toLowerCase().includes(needle));
  }, [source, search]);
  useEffect(() => {
    const el = scroll.current;
    if (el && sticky.current && paused === null) el.scrollTop = el.scrollHeight;
  }, [shown, paused]);
  const waiting = paused ? tail.lines.filter((l) => l.n > (paused.at(-1)?.n ?? 0)).length : 0;
  return (
    <section className={`panel ${classes.box}`} aria-label={t('log.title')}>
      <header className={classes.head}>
        <h3 className={classes.title}>{t('log.title')}</h3>
        <TextInput
          size="xs"
          w={220}
          value={search}
          placeholder={t('log.search')}
          aria-label={t('log.search')}
          onChange={(e) => setSearch(e.currentTarget.value)}
        />
        <Button size="compact-sm" variant="default" onClick={() => setPaused(paused ? null : tail.lines)}>
          {paused ? (waiting > 0 ? t('log.resumeWith', { count: waiting }) : t('log.resume')) : t('log.pause')}
        </Button>
        <Switch size="xs" checked={wrap} onChange={(e) => setWrap(e.currentTarget.checked)} label={t('log.wrap')} />
        <span className={`${classes.note} muted`}>{t('log.notKept')}</span>
      </header>
      <div
        ref={scroll}
        className={wrap ? `${classes.lines} ${classes.wrap}` : classes.lines}
        role="log"
        aria-live="off"
        tabIndex={0}
        aria-label={t('log.title')}
        onScroll={(e) => {
          const el = e.currentTarget;
          sticky.current = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
        }}
      >
        {tail.dropped > 0 && <p className={classes.notice}>{t('log.dropped', { count: tail.dropped })}</p>}
        {shown.map((l) => (
          <Line key={l.n} line={l} search={search} />
        ))}
        {shown.length === 0 && (
          <p className={classes.notice}>
            {search !== '' && source.length > 0
              ? t('log.noHit')
              : tail.ended === null
                ? t('log.waiting')
                : t('log.empty')}
          </p>
        )}
      </div>
      {tail.ended !== null && (
        <p className={classes.end}>
          {tail.ended === ''
            ? t(running ? 'log.ended' : 'log.endedWithIt')
            : tail.ended === BROKEN
              ? t('log.broken')
              : tail.ended}{' '}
          <Button size="compact-xs" variant="default" onClick={() => setAttempt((a) => a + 1)}>
            {t('log.again')}
          </Button>
        </p>
      )}
    </section>
  );
}

function Line({ line, search }: { line: ShownLine; search: string }) {
  const ms = lineMs(line.t_ns);
  return (
    <div className={line.stream === 'stderr' ? `${classes.line} ${classes.stderr}` : classes.line}>
      {ms !== null && (
        <time className={classes.time} title={`${localTime(ms)} · ${utcTime(ms)}`}>
          {clockTime(ms)}
        </time>
      )}
      <span className={classes.text}>
        {splitHits(line.text, [{ text: search, loose: true }]).map((part, i) =>
          i % 2 === 1 ? <mark key={i}>{part}</mark> : part,
        )}
      </span>
    </div>
  );
}
