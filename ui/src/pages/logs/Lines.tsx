import { Button } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { PageRange } from '../../time/useRange';
import { EmptyLogs } from './EmptyLogs';
import { joined, type Entry, type Order } from './entries';
import classes from './Logs.module.css';
import { Rows } from './Rows';
import type { Needle } from './text';
import type { LiveTail } from './useLiveTail';
import type { useLines } from './useLogs';

interface Props {
  logql: string;
  lines: ReturnType<typeof useLines>;
  tail: LiveTail | null;
  order: Order;
  range: PageRange;
  selected: string | null;
  needles: readonly Needle[];
  wrap: boolean;
  named: boolean;
  height: string;
  onSelect: (id: string) => void;
  onText: (text: string) => void;
}

const DAY_MS = 86_400_000;

/**
 * Stored lines, and while somebody follows, the new ones above them. Who has scrolled away is not moved: what comes waits
 * behind a button.
 */
export function useFollowed(stored: readonly Entry[], tail: LiveTail | null) {
  const [held, setHeld] = useState<readonly Entry[] | null>(null);
  const following = tail !== null;
  useEffect(() => setHeld(null), [following]);
  const fresh = tail?.entries;
  const shown = held ?? fresh;
  const all = useMemo(() => (shown && shown.length > 0 ? joined(shown, stored) : stored), [shown, stored]);
  const waiting = held && fresh ? newSince(fresh, held) : 0;
  const onTop = (top: boolean) => {
    if (!following) return;
    if (top && held) setHeld(null);
    if (!top && !held) setHeld(fresh ?? []);
  };
  return { all, waiting, onTop, release: () => setHeld(null) };
}

/** How many lines came before the first one of `held`. */
export function newSince(fresh: readonly Entry[], held: readonly Entry[]): number {
  const first = held[0]?.id;
  const at = first === undefined ? fresh.length : fresh.findIndex((e) => e.id === first);
  return at < 0 ? fresh.length : at;
}

export function Lines(p: Props) {
  const { t } = useTranslation();
  const { answer } = p.lines;
  const { all, waiting, onTop, release } = useFollowed(p.lines.entries, p.tail);
  const now = p.range.now();
  const frame = useRef<HTMLDivElement>(null);
  const loading = answer.isFetchingNextPage;
  if (all.length === 0 && answer.data && !answer.isPlaceholderData && p.tail === null)
    return (
      <div className={`panel ${classes.main} ${classes.blank}`}>
        <EmptyLogs logql={p.logql} range={p.range} onText={p.onText} />
      </div>
    );
  return (
    <div className={`panel ${classes.main}`} ref={frame}>
      {p.tail && (
        <div className={classes.tailing} role="status">
          <span>{t(p.tail.state === 'lost' ? 'logs.tailLost' : 'logs.tailOn')}</span>
          {p.tail.dropped > 0 && <span>{t('logs.dropped', { count: p.tail.dropped })}</span>}
        </div>
      )}
      {waiting > 0 && (
        <Button
          size="compact-xs"
          className={classes.held}
          mt={28}
          onClick={() => {
            release();
            frame.current?.querySelector('[role=listbox]')?.scrollTo({ top: 0 });
          }}
        >
          ↑ {t('logs.held', { count: waiting })}
        </Button>
      )}
      <Rows
        entries={all}
        selected={p.selected}
        needles={p.needles}
        wrap={p.wrap}
        named={p.named}
        dated={now.end - now.start > DAY_MS}
        hasMore={answer.hasNextPage && !loading && !answer.isError}
        height={p.height}
        footer={
          answer.data &&
          (loading
            ? t('logs.loadingMore')
            : answer.hasNextPage
              ? t('logs.shown', { shown: all.length })
              : t('logs.end'))
        }
        onSelect={p.onSelect}
        onMore={() => void answer.fetchNextPage()}
        onTop={onTop}
      />
    </div>
  );
}
