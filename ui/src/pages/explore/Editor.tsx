import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'react';
import { BASE } from '../../api/base';
import { storedToken } from '../../api/client';
import classes from './Editor.module.css';
import type { Spot } from './position';

const highlight = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--bw-info)' },
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: 'var(--bw-info)' },
  { tag: tags.string, color: 'var(--bw-ok)' },
  { tag: tags.number, color: 'var(--bw-warn)' },
  { tag: tags.labelName, color: 'var(--bw-muted)' },
  { tag: tags.comment, color: 'var(--bw-muted)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bw-bad)' },
]);

interface Props {
  value: string;
  label: string;
  hint: string;
  error: { message: string; spot: Spot } | null;
  onChange: (text: string) => void;
  onRun: () => void;
}

/** The PromQL editor: completion from the store, Enter runs, Shift-Enter breaks the line. */
export function Editor({ value, label, hint, error, onChange, onRun }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ onChange, onRun, value });
  latest.current = { onChange, onRun, value };

  useEffect(() => {
    if (!box.current) return;
    const promql = new PromQLExtension();
    promql.activateLinter(false).setComplete({
      remote: {
        url: BASE,
        fetchFn: (input, init) => {
          const headers = new Headers(init?.headers);
          const token = storedToken();
          if (token) headers.set('Authorization', `Bearer ${token}`);
          return fetch(input, { ...init, headers });
        },
      },
    });
    const run = (v: EditorView) => {
      if (completionStatus(v.state) === 'active') return false;
      latest.current.onRun();
      return true;
    };
    const editor = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          Prec.highest(
            keymap.of([
              { key: 'Mod-Enter', run: () => (latest.current.onRun(), true) },
              { key: 'Shift-Enter', run: insertNewline },
              { key: 'Escape', run: (v) => (completionStatus(v.state) === null ? (v.contentDOM.blur(), true) : false) },
            ]),
          ),
          promql.asExtension(),
          autocompletion(),
          Prec.high(keymap.of([{ key: 'Enter', run }])),
          history(),
          closeBrackets(),
          bracketMatching(),
          syntaxHighlighting(highlight),
          EditorView.lineWrapping,
          placeholder(hint),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
          EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
          EditorView.updateListener.of((u) => {
            if (u.docChanged) latest.current.onChange(u.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    editor.focus();
    return () => {
      promql.destroy();
      editor.destroy();
    };
  }, [label, hint]);

  useEffect(() => {
    const v = view.current;
    if (v && v.state.doc.toString() !== value)
      v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const v = view.current;
    if (!v) return;
    const length = v.state.doc.length;
    const found: Diagnostic[] = error
      ? [
          {
            from: Math.min(error.spot.from, Math.max(0, length - 1)),
            to: Math.max(Math.min(error.spot.to, length), Math.min(error.spot.from + 1, length)),
            severity: 'error',
            message: error.message,
          },
        ]
      : [];
    v.dispatch(setDiagnostics(v.state, found));
  }, [error]);

  return <div ref={box} className={classes.editor} />;
}
