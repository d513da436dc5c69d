"""The style of the HTML report: light and dark, no fonts or images to load, legible when printed."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --card: #f6f8fa;
  --up: #0969da; --was: #afb8c1; --bad: #cf222e; --bad-paper: #ffebe9; --warn: #9a6700; --warn-paper: #fff8c5; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #0d1117; --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --card: #151b23;
  --up: #4493f8; --was: #57606a; --bad: #f85149; --bad-paper: #2d1214; --warn: #d29922; --warn-paper: #272115; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1180px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 32px 0 4px; }
p { margin: 6px 0 12px; } code { font: 0.92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.soft { color: var(--soft); font-size: 13px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 14px 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px;
  flex: 1 1 190px; }
.tile b { display: block; font-size: 24px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile .name { color: var(--soft); font-size: 13px; } .tile .from { color: var(--soft); font-size: 13px; }
.tile.still b { color: var(--soft); }
.notes { list-style: none; margin: 12px 0; padding: 0; }
.notes li { border-left: 4px solid var(--line); background: var(--card); padding: 6px 12px; margin: 6px 0;
  border-radius: 4px; overflow-wrap: anywhere; white-space: pre-line; }
.notes .error, .notes .violation { border-color: var(--bad); background: var(--bad-paper); }
.notes .advisory, .notes .warning { border-color: var(--warn); background: var(--warn-paper); }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px; }
th { color: var(--soft); font-size: 13px; font-weight: 500; border-bottom: 1px solid var(--line); }
td { border-top: 1px solid var(--line); padding: 9px 10px; white-space: pre-line; overflow-wrap: anywhere; }
td:first-child { font-weight: 600; white-space: nowrap; } td:nth-child(4) { width: 260px; }
.part { color: var(--soft); font-size: 14px; } .part b { color: var(--ink); }
.stops { color: var(--bad); }
.bars { height: 16px; position: relative; margin-top: 5px; width: 170px; }
.bars i { position: absolute; height: 6px; border-radius: 2px; min-width: 2px; }
.bars .was { top: 0; background: var(--was); } .bars .will { top: 8px; background: var(--up); }
details { margin: 8px 0; } summary { cursor: pointer; } details ul { margin: 6px 0; padding-left: 22px; }
details li { overflow-wrap: anywhere; white-space: pre-line; }
""".strip()
