import { Button } from '@mantine/core';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { PageRange } from '../../time/useRange';
import { EmptyLogs } from './EmptyLogs';
import classes from './Logs.module.css';
import { Rows } from './Rows';
import type { Needle } from './text';
import type { useFollowed } from './useFollowed';
import type { LiveTail } from './useLiveTail';
import type { useLines } from './useLogs';

interface Props {
  logql: string;
  answer: ReturnType<typeof useLines>['answer'];
  followed: ReturnType<typeof useFollowed>;
  tail: LiveTail | null;
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

export function Lines(p: Props) {
  const { t } = useTranslation();
  const { answer } = p;
  const { all, waiting, onTop, release } = p.followed;
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
          !answer.data
            ? t('logs.searching')
            : loading
              ? t('logs.loadingMore')
              : answer.hasNextPage
                ? t('logs.shown', { shown: all.length })
                : t('logs.end')
        }
        onSelect={p.onSelect}
        onMore={() => void answer.fetchNextPage()}
        onTop={onTop}
      />
    </div>
  );
}
