// The icon of nb2flow: three steps and the way between them.

import { LabIcon } from '@jupyterlab/ui-components';

export const flowIcon = new LabIcon({
  name: 'nb2flow:flow',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
<g class="jp-icon3" fill="#616161"><rect x="1" y="6" width="4.4" height="4" rx="1"/><rect x="10.6" y="1.6" width="4.4" height="4" rx="1"/>
<rect x="10.6" y="10.4" width="4.4" height="4" rx="1"/></g>
<path class="jp-icon3" fill="#616161" d="M5.4 7.5c3 0 2-4.4 5.2-4.4v1c-2.2 0-1.400 3.900-3.400 3.900c2 0 1.200 3.900 3.400 3.900v1c-3.200 0-2.200-4.400-5.200-4.400z"/>
</svg>`
});
