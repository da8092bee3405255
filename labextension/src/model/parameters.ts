// The parameters form: text that a person types, and the values that it stands for.

import type { Parameter } from '../api';

/** The text that stands in the form for a parameter's default. */
export function defaultText(parameter: Parameter): string {
  if (parameter.type === 'any') {
    return parameter.source;
  }
  return parameter.type === 'str' ? String(parameter.default) : JSON.stringify(parameter.default);
}

/** What is wrong with the text for this parameter, in words; empty when nothing is. */
export function mistake(parameter: Parameter, text: string): string {
  const read = valueOf(parameter, text);
  return read === undefined ? `${parameter.name} must be ${article(parameter.type)}` : '';
}

/** The value of the text for this parameter; undefined when it has none of the parameter's type. */
export function valueOf(parameter: Parameter, text: string): unknown {
  const trimmed = text.trim();
  switch (parameter.type) {
    case 'int':
      return /^[+-]?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
    case 'float':
      return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : undefined;
    case 'bool':
      return /^true$/i.test(trimmed) ? true : /^false$/i.test(trimmed) ? false : undefined;
    case 'list':
    case 'dict': {
      const value = parsed(trimmed);
      const fits = parameter.type === 'list' ? Array.isArray(value) : value instanceof Object && !Array.isArray(value);
      return fits ? value : undefined;
    }
    default:
      return text; // the server reads it as it reads `-p name=text`
  }
}

/** Only what differs from the defaults: a run is then named by what was changed. */
export function given(
  parameters: readonly Parameter[],
  texts: Readonly<Record<string, string>>
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const parameter of parameters) {
    const text = texts[parameter.name];
    if (text !== undefined && text !== defaultText(parameter)) {
      values[parameter.name] = valueOf(parameter, text);
    }
  }
  return values;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function article(type: Parameter['type']): string {
  const words: Record<string, string> = {
    int: 'a whole number', float: 'a number', bool: 'true or false', list: 'a list, as in [1, 2]',
    dict: 'a mapping, as in {"a": 1}'
  }; // prettier-ignore
  return words[type] ?? 'text';
}
