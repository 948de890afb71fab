import { ActionIcon, Menu, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useState } from 'react';
import { href } from '../api/base';
import { useTranslation } from 'react-i18next';
import { useLost } from '../api/hooks';
import { LANGUAGES, setLanguage } from '../i18n';
import { RangePicker } from '../time/RangePicker';
import { Logo } from '../widgets/Logo';
import { HelpDialog } from './HelpDialog';
import { Palette } from './Palette';
import classes from './Shell.module.css';
import { TokenDialog } from './TokenDialog';
import { useKeys } from './useKeys';

const PAGES = [
  { to: '/', key: 'containers' },
  { to: '/logs', key: 'logs' },
  { to: '/nodes', key: 'nodes' },
  { to: '/explore', key: 'explore' },
  { to: '/alerts', key: 'alerts' },
  { to: '/rules', key: 'rules' },
  { to: '/cardinality', key: 'cardinality' },
  { to: '/status', key: 'status' },
] as const;

export function Shell() {
  const { t } = useTranslation();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [range, setRange] = useState(false);
  const lost = useLost();
  const { pathname } = useLocation();
  useKeys({
    palette: () => setPalette(true),
    help: () => setHelp(true),
    time: () => setRange(true),
    blocked: palette || help || range,
  });
  return (
    <>
      <a href={`${href(pathname)}#main`} className={classes.skip}>
        {t('nav.skip')}
      </a>
      <header className={classes.bar}>
        <Link to="/" className={classes.brand} aria-label={t('nav.home')}>
          <Logo />
          <span>{t('product')}</span>
        </Link>
        <nav className={classes.nav} aria-label={t('nav.pages')}>
          {PAGES.map((p) => (
            <Link
              key={p.to}
              to={p.to}
              className={classes.link}
              activeOptions={{ exact: p.to === '/', includeSearch: false }}
              search={(s: Record<string, string | undefined>) => ({ from: s.from, to: s.to })}
              {...(p.to === '/' && pathname.startsWith('/containers/') ? { 'data-status': 'active' } : {})}
            >
              {t(`nav.${p.key}`)}
            </Link>
          ))}
        </nav>
        <span className={classes.spacer} />
        <button
          type="button"
          className={classes.search}
          onClick={() => setPalette(true)}
          aria-label={t('palette.open')}
        >
          <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
            <path
              d="M6 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM9.5 9.5 13 13"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.4"
            />
          </svg>
          <span className={classes.searchText}>{t('palette.hint')}</span>
          <span className={classes.kbd}>/</span>
        </button>
        <RangePicker opened={range} onOpened={setRange} />
        <LanguageMenu />
        <SchemeToggle />
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t('help.title')}
          onClick={() => setHelp(true)}
          visibleFrom="sm"
        >
          <span aria-hidden="true">?</span>
        </ActionIcon>
      </header>
      {lost && (
        <div className={classes.lost} role="status">
          {t('error.lost')}
        </div>
      )}
      <main id="main" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Palette opened={palette} onClose={() => setPalette(false)} />
      <HelpDialog opened={help} onClose={() => setHelp(false)} />
      <TokenDialog />
    </>
  );
}

function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('nav.language')} data-testid="language">
          <span style={{ fontSize: 12, fontWeight: 600 }}>{i18n.language === 'ko' ? '한' : 'EN'}</span>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map((l) => (
          <Menu.Item key={l} onClick={() => void setLanguage(l)} lang={l}>
            {t(`language.${l}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function SchemeToggle() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme('light');
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('nav.scheme')} data-testid="scheme">
          <svg width="15" height="15" viewBox="0 0 15 15" aria-hidden="true">
            {shown === 'dark' ? (
              <path
                d="M12.5 9.300A5.5 5.5 0 1 1 5.700 2.500a4.5 4.5 0 0 0 6.800 6.800z"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.4"
              />
            ) : (
              <path
                d="M7.5 4.500a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM7.5 1v1.500M7.5 12.500V14M1 7.500h1.500M12.5 7.500H14M2.900 2.900l1 1M11.100 11.100l1 1M12.100 2.900l-1 1M3.900 11.100l-1 1"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.4"
                strokeLinecap="round"
              />
            )}
          </svg>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {(['auto', 'light', 'dark'] as const).map((s) => (
          <Menu.Item key={s} onClick={() => setColorScheme(s)} fw={s === colorScheme ? 600 : 400}>
            {t(`scheme.${s}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
