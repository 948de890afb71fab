import { Button, Modal, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, getJson, ownPath, storeToken } from '../api/client';
import { liveStore } from '../api/live';

/** Away from loopback the pages need the token: asked for once, kept until the window closes. */
export function TokenDialog() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState(false);
  useEffect(
    () =>
      client.getQueryCache().subscribe((e) => {
        const error: unknown = e.query.state.error;
        if (error instanceof ApiError && error.kind === 'unauthorized') setAsked(true);
      }),
    [client],
  );
  useEffect(() => {
    getJson(ownPath('/nodes')).catch((e: unknown) => {
      if (e instanceof ApiError && e.kind === 'unauthorized') setAsked(true);
    });
  }, []);
  const submit = async () => {
    storeToken(token.trim());
    try {
      await getJson(ownPath('/nodes'));
      setAsked(false);
      setWrong(false);
      liveStore.reopen();
      await client.invalidateQueries();
    } catch {
      setWrong(true);
    }
  };
  return (
    <Modal opened={asked} onClose={() => setAsked(false)} title={t('token.title')} size="sm">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <p className="muted">{t('token.where')}</p>
        <PasswordInput
          label={t('token.label')}
          value={token}
          onChange={(e) => setToken(e.currentTarget.value)}
          error={wrong ? t('token.wrong') : undefined}
          data-autofocus
        />
        <Button type="submit" mt="md" disabled={token.trim() === ''}>
          {t('token.use')}
        </Button>
      </form>
    </Modal>
  );
}
