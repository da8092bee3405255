"""The report's style sheet: system fonts, light and dark, readable from 360 to 1600 pixels. No logic here."""

CSS = """
:root{--bg:#fff;--soft:#f6f8fa;--text:#1f2328;--dim:#59636e;--edge:#d1d9e0;--link:#0969da;--bad:#ffebe9;
--k:#cf222e;--s:#0a3069;--c:#59636e;--n:#8250df;--m:#0550ae}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--soft:#151b23;--text:#f0f6fc;--dim:#9198a1;--edge:#3d444d;
--link:#58a6ff;--bad:#3a1a1d;--k:#ff7b72;--s:#a5d6ff;--c:#9198a1;--n:#d2a8ff;--m:#79c0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1100px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:28px 0 8px}h3{font-size:15px;margin:0 0 8px}
h4{font-size:13px;margin:12px 0 4px}a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.lead{margin:0;color:var(--dim)}.dim{color:var(--dim);margin:4px 0}
code,pre{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.badge{color:var(--nf-c,var(--dim));border:1px solid var(--nf-c,var(--edge));border-radius:999px;padding:1px 9px;
font-size:12.5px;font-weight:600;white-space:nowrap}
.graph{overflow:auto;border:1px solid var(--edge);border-radius:8px;max-height:80vh;text-align:center}
.graph svg{display:block;margin:0 auto}
.timeline{border:1px solid var(--edge);border-radius:8px;padding:8px 12px}
.span{display:grid;grid-template-columns:minmax(90px,180px) 1fr 74px;gap:10px;align-items:center;padding:2px 0}
.span a{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.track{position:relative;height:14px;background:var(--soft);border-radius:4px}
.bar{position:absolute;top:0;bottom:0;border-radius:4px;background:var(--nf-c,var(--edge))}
.time{text-align:right;color:var(--dim);font-variant-numeric:tabular-nums}
.facts{display:flex;flex-wrap:wrap;gap:0 40px}.facts>div{min-width:240px}
table{border-collapse:collapse;font-size:13.5px}th,td{text-align:left;padding:3px 14px 3px 0;vertical-align:top}
.facts th,.made th{font-weight:400;color:var(--dim)}.facts td{overflow-wrap:anywhere}
.failure{background:var(--bad);border-radius:8px;padding:12px 14px;margin:8px 0}
.step{border:1px solid var(--edge);border-radius:8px;margin:8px 0;padding:0 14px}
.step>summary{padding:9px 0;cursor:pointer}.step[open]{padding-bottom:14px}summary{cursor:pointer}
.notebook{margin-top:8px}.nb-cell{position:relative;margin:10px 0}
.nb-count{position:absolute;right:8px;top:5px;color:var(--dim);font-size:11px}
pre{margin:0;padding:9px 12px;overflow:auto;border-radius:6px;max-height:480px;white-space:pre}
.nb-code{background:var(--soft);border:1px solid var(--edge)}
.nb-out,.nb-err,.nb-traceback{padding:7px 12px}.nb-err{background:var(--bad)}.nb-traceback{background:var(--bad)}
.failure .nb-traceback{background:none;padding-left:0}.failure pre{margin:4px 0}
.nb-html{overflow:auto;padding:6px 12px}.nb-html th,.nb-html td{padding:3px 10px;text-align:right}
.nb-html thead th{border-bottom:1px solid var(--edge)}.nb-html tbody tr:nth-child(odd){background:var(--soft)}
.nb-image,.nb-html img{max-width:100%;height:auto;background:#fff;border-radius:4px;margin:6px 0}
.nb-ours{color:var(--dim);font-size:13px}.nb-md{margin:12px 0}.nb-md h1{font-size:20px}.nb-md h2{font-size:17px}
.nb-md table th,.nb-md table td{border:1px solid var(--edge);padding:3px 10px}
.k,.kn,.kc,.kd,.ow{color:var(--k)}.s,.s1,.s2,.sd,.sa,.si,.se,.sr{color:var(--s)}
.c,.c1,.cm,.ch{color:var(--c);font-style:italic}
.nf,.nc,.nd,.fm{color:var(--n)}.mi,.mf,.mh,.nb,.bp{color:var(--m)}
footer{margin-top:32px;color:var(--dim);font-size:13px}
@media (max-width:640px){main{padding:16px 12px 32px}.span{grid-template-columns:90px 1fr 62px}h1{font-size:22px}}
"""
