// The one place that knows the server's addresses. A fault of any kind becomes a `Fault` with words for a person.

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type * as api from './api';

const PREFIX = 'nb2flow/v1';

/** What went wrong with a request: a stable code, a sentence and what to do about it. */
export class Fault extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string = '',
    readonly diagnostics: api.Diagnostic[] = [],
    readonly status: number = 0
  ) {
    super(message);
  }
}

/** The server's routes as functions. */
export class Client {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly trans: TranslationBundle
  ) {}

  analyse(body: api.AnalyseRequest): Promise<api.AnalyseReply> {
    return this.send('POST', 'analyse', body);
  }

  suggest(body: api.SuggestRequest): Promise<api.SuggestReply> {
    return this.send('POST', 'suggest', body);
  }

  engines(path: string): Promise<api.EnginesReply> {
    return this.send('GET', `engines${query({ path })}`);
  }

  runs(since: string, path?: string): Promise<api.RunsReply> {
    return this.send('GET', `runs${query({ since, path })}`);
  }

  start(body: api.RunRequest): Promise<api.Started> {
    return this.send('POST', 'runs', body);
  }

  run(run: string): Promise<api.RunReply> {
    return this.send('GET', at('runs', run));
  }

  delete(run: string): Promise<void> {
    return this.send('DELETE', at('runs', run));
  }

  cancel(run: string): Promise<void> {
    return this.send('POST', at('runs', run, 'cancel'));
  }

  resume(run: string): Promise<api.Started> {
    return this.send('POST', at('runs', run, 'resume'));
  }

  rerun(run: string, body: api.RerunRequest): Promise<api.Started> {
    return this.send('POST', at('runs', run, 'rerun'), body);
  }

  log(run: string, step: string, since: string): Promise<api.LogReply> {
    return this.send('GET', `${at('runs', run, 'steps', step, 'log')}${query({ since })}`);
  }

  open(run: string, step: string, body: api.OpenRequest): Promise<api.OpenReply> {
    return this.send('POST', at('runs', run, 'steps', step, 'open'), body);
  }

  compare(left: string, right: string, step?: string): Promise<api.CompareReply> {
    return this.send('GET', `compare${query({ left, right, step })}`);
  }

  diff(body: api.DiffRequest): Promise<api.DiffReply> {
    return this.send('POST', 'diff', body);
  }

  refs(path: string): Promise<api.RefsReply> {
    return this.send('GET', `git/refs${query({ path })}`);
  }

  /** The address of a run's report, to be opened in a browser tab. */
  reportUrl(run: string): string {
    return this.url(at('runs', run, 'report'));
  }

  private url(path: string): string {
    return URLExt.join(this.settings.baseUrl, PREFIX, path);
  }

  private async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init = { method, body: body === undefined ? undefined : JSON.stringify(body) };
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(this.url(path), init, this.settings);
    } catch (error) {
      throw new Fault(
        'unreachable',
        this.trans.__('The Jupyter server does not answer.'),
        this.trans.__('Is it still running? Runs that have begun go on without it.')
      );
    }
    const text = await response.text();
    if (response.ok) {
      return (text ? JSON.parse(text) : undefined) as T;
    }
    throw faultOf(response.status, text, this.trans);
  }
}

/** The fault that an answer tells of; answers that are not ours get words of our own. */
export function faultOf(status: number, text: string, trans: TranslationBundle): Fault {
  try {
    const body = JSON.parse(text) as Partial<api.Error>;
    if (typeof body.code === 'string' && typeof body.message === 'string') {
      return new Fault(body.code, body.message, body.hint ?? '', body.diagnostics ?? [], status);
    }
  } catch {
    // not JSON: a proxy's page, or a server without the extension
  }
  if (status === 404) {
    const hint = trans.__('Install nb2flow[lab] where the Jupyter server runs, then start it again.');
    return new Fault('no-server', trans.__('The server side of nb2flow is not enabled.'), hint, [], status);
  }
  if (status === 401 || status === 403) {
    return new Fault(
      'forbidden',
      trans.__('The Jupyter server refused this.'),
      trans.__('Log in again, then reload the page.'),
      [],
      status
    );
  }
  if (status === 413) {
    return new Fault(
      'too-large',
      trans.__('This notebook is too large for the server.'),
      trans.__('Clear its outputs.'),
      [],
      status
    );
  }
  return new Fault(
    'unknown',
    trans.__('The Jupyter server answered %1.', status),
    trans.__('Its log says more.'),
    [],
    status
  );
}

function at(...parts: string[]): string {
  return parts.map(encodeURIComponent).join('/');
}

function query(values: Record<string, string | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value);
  return given.length ? `?${given.map(([k, v]) => `${k}=${encodeURIComponent(v as string)}`).join('&')}` : '';
}
