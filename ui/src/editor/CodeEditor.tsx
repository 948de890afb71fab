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
import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react';
import classes from './CodeEditor.module.css';
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

/** What an editor understands; `destroy` is called when it goes. */
export interface Language {
  extension: Extension;
  destroy?: () => void;
}

export interface EditorHandle {
  focus: () => void;
}

interface Props {
  value: string;
  label: string;
  hint: string;
  error: { message: string; spot: Spot } | null;
  /** Called once for each editor. */
  language: () => Language;
  autoFocus?: boolean;
  onChange: (text: string) => void;
  onRun: () => void;
  handle?: Ref<EditorHandle>;
}

/** An editor of queries: Enter runs, Shift-Enter breaks the line. */
export function CodeEditor({ value, label, hint, error, language, autoFocus = true, onChange, onRun, handle }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ onChange, onRun, value, language, autoFocus });
  latest.current = { onChange, onRun, value, language, autoFocus };
  useImperativeHandle(handle, () => ({ focus: () => view.current?.focus() }), []);

  useEffect(() => {
    if (!box.current) return;
    const understood = latest.current.language();
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
          understood.extension,
          autocompletion({ icons: false }),
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
    if (latest.current.autoFocus) editor.focus();
    return () => {
      understood.destroy?.();
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
