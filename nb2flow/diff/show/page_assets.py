"""The style sheet and the script of the page. The script only moves the swipe, opens and closes, and changes theme."""

STYLE = """
:root { --bg:#fff; --panel:#f6f8fa; --ink:#1f2328; --soft:#656d76; --line:#d8dee4; --link:#0969da;
  --old:#ffebe9; --old-word:#ffb8b0; --old-ink:#a40e26; --new:#e6ffec; --new-word:#8ee0a4; --new-ink:#116329;
  --mod:#9a6700; --move:#8250df; --code:#f6f8fa; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --bg:#0d1117; --panel:#161b22; --ink:#e6edf3;
  --soft:#8b949e; --line:#30363d; --link:#58a6ff; --old:#3c1618; --old-word:#8e2b2b; --old-ink:#ff8f87; --new:#12301c;
  --new-word:#1f6f37; --new-ink:#6fdd8b; --mod:#d4a72c; --move:#b98cff; --code:#161b22; } }
:root[data-theme=dark] { --bg:#0d1117; --panel:#161b22; --ink:#e6edf3; --soft:#8b949e; --line:#30363d; --link:#58a6ff;
  --old:#3c1618; --old-word:#8e2b2b; --old-ink:#ff8f87; --new:#12301c; --new-word:#1f6f37; --new-ink:#6fdd8b;
  --mod:#d4a72c; --move:#b98cff; --code:#161b22; }
* { box-sizing:border-box } body { margin:0; background:var(--bg); color:var(--ink);
  font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; overflow-wrap:break-word }
main { max-width:1080px; margin:0 auto; padding:24px 20px 80px }
h1 { font-size:21px; margin:0 0 4px; overflow-wrap:anywhere } .files { color:var(--soft); overflow-wrap:anywhere }
a { color:var(--link) } .summary { font-size:16px; margin:14px 0 6px; font-weight:600 }
.noise,.warning { color:var(--soft); font-size:13.5px; margin:4px 0 } .warning { color:var(--mod) }
header { display:flex; gap:16px; align-items:flex-start; justify-content:space-between; margin-bottom:8px }
button { font:inherit; font-size:13px; color:var(--ink); background:var(--panel); border:1px solid var(--line);
  border-radius:6px; padding:4px 10px; cursor:pointer } button:hover { border-color:var(--soft) }
.cell { border:1px solid var(--line); border-left:4px solid var(--line); border-radius:8px; margin:14px 0;
  overflow:hidden; background:var(--bg) }
.cell>.head { display:flex; gap:10px; align-items:baseline; padding:7px 14px; background:var(--panel);
  border-bottom:1px solid var(--line); font-size:13.5px }
.cell>.head b { font-weight:600 } .cell>.head span { color:var(--soft) }
.added { border-left-color:var(--new-ink) } .removed { border-left-color:var(--old-ink) }
.modified,.type-changed,.outputs,.metadata { border-left-color:var(--mod) }
.moved,.moved-modified,.split,.merged { border-left-color:var(--move) }
.body { padding:10px 14px } pre,code,.lines { font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace }
pre { margin:0; white-space:pre-wrap; overflow-wrap:anywhere }
.rendered pre { background:var(--code); padding:8px 10px; border-radius:6px }
.lines { margin:0 -14px; white-space:pre-wrap; overflow-wrap:anywhere }
.lines div { padding:0 14px 0 34px; text-indent:-20px; min-height:1.5em } .lines .o { background:var(--old) }
.lines .n { background:var(--new) } .lines .o i { background:var(--old-word) }
.lines .n i { background:var(--new-word) }
.lines i { font-style:normal; border-radius:3px } .lines .skip { color:var(--soft); background:var(--panel) }
.lines .rule { color:var(--soft) } details { margin:8px 0 }
summary { cursor:pointer; color:var(--soft); font-size:13.5px }
details.same>summary { padding:6px 14px; border:1px dashed var(--line); border-radius:8px }
.rendered { overflow-x:auto } .rendered h1 { font-size:1.5em } .rendered h2 { font-size:1.3em }
.rendered img,.output img { max-width:100%; background:#fff }
.rendered blockquote { margin:0; padding-left:12px; border-left:3px solid var(--line); color:var(--soft) }
table { border-collapse:collapse; font-size:13px }
th,td { border:1px solid var(--line);
  padding:3px 9px; text-align:right } th { background:var(--panel) } .absent { color:var(--soft) }
.output { margin:10px 0 4px; padding-top:8px; border-top:1px dotted var(--line) } .output>p { margin:0 0 6px;
  font-size:13.5px; color:var(--soft) } .pair { display:grid; grid-template-columns:1fr 1fr; gap:12px }
.pair>div { min-width:0; overflow-x:auto } .pair>div::before { content:attr(data-side); display:block; font-size:12px;
  color:var(--soft) } .swipe { position:relative; display:inline-block; max-width:100%; line-height:0; margin-top:8px }
.swipe img { cursor:ew-resize; touch-action:pan-y; user-select:none }
.swipe .top { position:absolute; inset:0; clip-path:inset(0 50% 0 0) }
.swipe .bar { position:absolute; top:0; bottom:0; left:50%; width:2px; background:var(--link);
  pointer-events:none }
.swipe input { width:100%; margin:6px 0 0; display:block }
ul.values { margin:4px 0; padding-left:20px; font-size:13.5px }
.words ins { background:var(--new-word); text-decoration:none } .words del { background:var(--old-word) }
@media (max-width:700px) { .pair { grid-template-columns:1fr } }
@media print { button,.swipe { display:none } }
"""

SCRIPT = """
for (const fold of document.querySelectorAll('details.swiping')) {  // the page holds each image once
  fold.addEventListener('toggle', () => {
    const [old, now] = fold.previousElementSibling.querySelectorAll('img');
    const [under, top] = fold.querySelectorAll('.swipe img');
    under.src = now.src;
    top.src = old.src;
  }, { once: true });
}
for (const box of document.querySelectorAll('.swipe')) {
  const range = box.querySelector('input');
  range.addEventListener('input', () => {
    box.querySelector('.top').style.clipPath = 'inset(0 ' + (100 - range.value) + '% 0 0)';
    box.querySelector('.bar').style.left = range.value + '%';
  });
  const follow = event => {  // the picture itself can be dragged as well
    const place = box.getBoundingClientRect();
    range.value = 100 * (event.clientX - place.left) / place.width;
    range.dispatchEvent(new Event('input'));
  };
  for (const picture of box.querySelectorAll('img')) {
    picture.addEventListener('dragstart', event => event.preventDefault());
    picture.addEventListener('pointerdown', event => {
      picture.setPointerCapture(event.pointerId);
      follow(event);
    });
    picture.addEventListener('pointermove', event => {
      if (picture.hasPointerCapture(event.pointerId)) follow(event);
    });
  }
}
document.getElementById('all').addEventListener('click', () => {
  const folds = [...document.querySelectorAll('details.same')];
  const open = folds.some(fold => !fold.open);
  for (const fold of folds) fold.open = open;
});
document.getElementById('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const dark = (root.dataset.theme || system) === 'dark';
  root.dataset.theme = dark ? 'light' : 'dark';
});
"""
