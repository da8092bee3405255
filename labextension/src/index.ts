// All plugins. Each asks for what it needs and builds one thing.

import { badges } from './plugins/badges';
import { diff } from './plugins/diff';
import { flowPanel } from './plugins/flow';
import { form } from './plugins/form';
import { help } from './plugins/help';
import { markers } from './plugins/markers';
import { run } from './plugins/run';
import { runs, statusBar } from './plugins/runs';
import { service } from './plugins/service';
import { tagging } from './plugins/tagging';

export default [service, badges, tagging, flowPanel, form, markers, run, runs, statusBar, diff, help];
export { IFlows } from './tokens';
