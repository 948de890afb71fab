import { Button, Popover, SimpleGrid, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { localTime, span as spanText, utcTime } from '../format/time';
import { liveSpan, parseDuration, parseTyped, PRESETS, resolveRange } from './range';
import classes from './RangePicker.module.css';
import { useRange } from './useRange';

interface Props {
  opened: boolean;
  onOpened: (open: boolean) => void;
}

/** The one time range of the page. */
export function RangePicker({ opened, onOpened }: Props) {
  const { t, i18n } = useTranslation();
  const range = useRange();
  const [typed, setTyped] = useState('');
  const [bad, setBad] = useState(false);
  const span = liveSpan(range.text);
  const resolved = resolveRange(range.text, Date.now());
  const inWords = (text: string) => spanText(parseDuration(text) ?? 0, i18n.language);
  const label = span
    ? t('range.last', { span: inWords(span) })
    : resolved
      ? `${localTime(resolved.start).slice(5)} – ${localTime(resolved.end).slice(5)}`
      : '';
  const hover = resolved ? `${utcTime(resolved.start)} – ${utcTime(resolved.end)}` : '';
  const apply = () => {
    const next = parseTyped(typed, Date.now());
    setBad(next === null);
    if (next) {
      range.set(next);
      onOpened(false);
    }
  };
  return (
    <>
      <Popover opened={opened} onChange={onOpened} position="bottom-end" trapFocus withinPortal>
        <Popover.Target>
          <button
            type="button"
            className={classes.button}
            onClick={() => onOpened(!opened)}
            title={hover}
            data-testid="range"
          >
            {label}
          </button>
        </Popover.Target>
        <Popover.Dropdown w={288} p="sm">
          <form
            onSubmit={(e) => {
              e.preventDefault();
              apply();
            }}
          >
            <TextInput
              data-autofocus
              label={t('range.type')}
              placeholder={t('range.example')}
              value={typed}
              error={bad ? t('range.bad') : undefined}
              onChange={(e) => {
                setTyped(e.currentTarget.value);
                setBad(false);
              }}
            />
          </form>
          <SimpleGrid cols={2} spacing={4} verticalSpacing={4} mt="sm">
            {PRESETS.map((p) => (
              <Button
                key={p}
                size="compact-sm"
                variant={span === p ? 'light' : 'subtle'}
                color={span === p ? undefined : 'gray'}
                onClick={() => {
                  range.set({ from: `now-${p}`, to: 'now' });
                  onOpened(false);
                }}
              >
                {t('range.last', { span: inWords(p) })}
              </Button>
            ))}
          </SimpleGrid>
        </Popover.Dropdown>
      </Popover>
      <button
        type="button"
        className={range.live ? `${classes.live} ${classes.on}` : classes.live}
        aria-pressed={range.live}
        title={range.live ? t('range.pause') : t('range.goLive')}
        onClick={() => {
          const now = range.now();
          if (range.live) range.set({ from: String(Math.round(now.start)), to: String(Math.round(now.end)) });
          else range.set({ from: `now-${Math.round((now.end - now.start) / 1000)}s`, to: 'now' });
        }}
      >
        {t('range.live')}
      </button>
    </>
  );
}
