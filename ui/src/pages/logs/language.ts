/** The box's language for the editor: LogQL coloured where it is LogQL, completion in both. */
import { autocompletion, startCompletion, type Completion, type CompletionContext } from '@codemirror/autocomplete';
import { LanguageSupport, LRLanguage } from '@codemirror/language';
import { Compartment, type Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { parser } from '@grafana/lezer-logql';
import { styleTags, tags } from '@lezer/highlight';
import type { Language } from '../../editor/CodeEditor';
import { isLogql } from './ask';
import { isLevel, LEVEL_VALUES, optionsOf, placeAt, valueOptions, type Names, type Option } from './completion';

const logql = LRLanguage.define({
  name: 'logql',
  parser: parser.configure({
    props: [
      styleTags({
        String: tags.string,
        'Number Duration Bytes': tags.number,
        Identifier: tags.labelName,
        LineComment: tags.comment,
        'Json Logfmt Unpack Pattern Regexp Unwrap LabelFormat LineFormat Decolorize Drop Keep': tags.keyword,
        'By Without On Ignoring GroupLeft GroupRight Bool Offset And Or Unless': tags.keyword,
        'RangeOp/... VectorOp/...': tags.function(tags.variableName),
        'Filter/... Pipe': tags.operatorKeyword,
        '⚠': tags.invalid,
      }),
    ],
  }),
});

export interface Source {
  names: () => Names;
  values: (name: string, selector: string | null) => Promise<readonly string[]>;
}

const TYPES: Record<Option['kind'], string> = {
  label: 'property',
  field: 'variable',
  value: 'text',
  stage: 'keyword',
  function: 'function',
};

/** A name is followed by its value at once. */
function completionOf(o: Option): Completion {
  const goesOn = /[:"]$/.test(o.apply) && o.kind !== 'value';
  return {
    label: o.label,
    type: TYPES[o.kind],
    boost: o.kind === 'label' ? 1 : 0,
    apply: (view, _c, from, to) => {
      // What the editor closed by itself is not written twice.
      const closed = o.apply.endsWith('"') && view.state.sliceDoc(to, to + 1) === '"' ? to + 1 : to;
      view.dispatch({
        changes: { from, to: goesOn ? to : closed, insert: o.apply },
        selection: { anchor: from + o.apply.length },
        userEvent: 'input.complete',
      });
      if (goesOn) startCompletion(view);
    },
  };
}

function completer(source: Source) {
  return async (context: CompletionContext) => {
    const text = context.state.doc.toString();
    const place = placeAt(text, context.pos);
    if (!place) return null;
    // Nothing typed yet: only where somebody asks, or behind a name.
    if (place.from === context.pos && !context.explicit && place.what !== 'value' && place.what !== 'label')
      return null;
    let options = optionsOf(place, source.names());
    if (place.what === 'value') {
      const values = isLevel(place.name) ? LEVEL_VALUES : await source.values(place.name, place.selector);
      options = valueOptions(place, values);
    }
    if (context.aborted || options.length === 0) return null;
    return { from: place.from, options: options.map(completionOf), filter: true };
  };
}

/** `text`: what stands in the editor at first. */
export function logLanguage(source: Source, text: string): Language {
  const coloured = new Compartment();
  const support: Extension = new LanguageSupport(logql);
  let on = isLogql(text);
  return {
    extension: [
      coloured.of(on ? support : []),
      autocompletion({ override: [completer(source)], activateOnTyping: true, icons: false }),
      EditorView.updateListener.of((u) => {
        if (isLogql(u.state.doc.toString()) === on) return;
        on = !on;
        const effects = coloured.reconfigure(on ? support : []);
        // Not while the update that says so is still going on.
        queueMicrotask(() => u.view.dispatch({ effects }));
      }),
    ],
  };
}
