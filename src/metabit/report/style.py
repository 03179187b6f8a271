"""How a page looks: on a phone and on a desk, in the light and in the dark."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbf9; --sheet: #fff; --ink: #1d2530; --soft: #5d6876; --line: #e3e5e2;
  --shade: #1d253055;
  --c0: #0b6e99; --c1: #c8553d; --c2: #2a7f62; --c3: #b7811f; --c4: #7a5ba6; --c5: #7b8794;
  --good: #2a7f62; --bad: #c8553d }
@media (prefers-color-scheme: dark) { :root {
  --paper: #12161c; --sheet: #1a2029; --ink: #e7ebef; --soft: #9aa6b3; --line: #2c3542;
  --shade: #000c;
  --c0: #57b4dd; --c1: #ef8a70; --c2: #63c3a0; --c3: #e0b155; --c4: #b59be0; --c5: #8b97a4;
  --good: #63c3a0; --bad: #ef8a70 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem }
.verb { color: var(--soft); font-size: .85rem; letter-spacing: .04em; margin: 0 }
h1 { font-size: clamp(1.45rem, 5vw, 2.1rem); line-height: 1.2; font-weight: 650;
  letter-spacing: -.01em; margin: .35rem 0 1.4rem; overflow-wrap: anywhere; text-wrap: balance }
h2 { font-size: 1.1rem; font-weight: 600; margin: 0 0 .9rem; overflow-wrap: anywhere }
.stats + .told { margin-top: 1.3rem }
.stats { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px;
  background: var(--line); border: 1px solid var(--line); border-radius: 12px; overflow: hidden }
.stats div { background: var(--sheet); padding: .9rem 1rem }
.stats b { display: block; font-size: 1.65rem; line-height: 1.15; font-weight: 620;
  font-variant-numeric: tabular-nums; letter-spacing: -.02em }
.stats div:first-child b { color: var(--c0) }
.stats span { color: var(--soft); font-size: .85rem; line-height: 1.35; display: block;
  margin-top: .25rem }
.told { margin: .8rem 0 0; max-width: 40rem }
section { margin-top: 1.6rem; background: var(--sheet); border: 1px solid var(--line);
  border-radius: 12px; padding: 1.2rem 1.25rem }
.note { color: var(--soft); font-size: .85rem; margin: .9rem 0 0 }
.wide { overflow-x: auto; margin: 0 -.25rem; padding: 0 .25rem;
  background: linear-gradient(to right, var(--sheet) 75%, transparent) left local,
    linear-gradient(to left, var(--sheet) 75%, transparent) right local,
    linear-gradient(to right, var(--shade), transparent) left,
    linear-gradient(to left, var(--shade), transparent) right;
  background-size: 1.4rem 100%, 1.4rem 100%, 1rem 100%, 1rem 100%; background-repeat: no-repeat }
svg { width: 100%; height: auto; display: block; font-size: 12px }
svg text { fill: var(--soft) }
svg .up { text-anchor: end } svg .across, svg .name { text-anchor: middle }
svg .grid { stroke: var(--line) }
svg .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round }
svg .dashed { stroke-dasharray: 6 5 }
svg .ring { fill: none; stroke: var(--bad); stroke-width: 2.5 }
svg .dot { fill-opacity: .8 }
svg .mark { stroke: var(--sheet); stroke-width: 1.5 }
svg .good { fill: var(--good) } svg .bad { fill: var(--bad) }
.s0 { stroke: var(--c0) } .s1 { stroke: var(--c1) } .s2 { stroke: var(--c2) }
.s3 { stroke: var(--c3) } .s4 { stroke: var(--c4) } .s5 { stroke: var(--c5) }
.f0 { fill: var(--c0) } .f1 { fill: var(--c1) } .f2 { fill: var(--c2) }
.f3 { fill: var(--c3) } .f4 { fill: var(--c4) } .f5 { fill: var(--c5) }
.b0 { background: var(--c0) } .b1 { background: var(--c1) } .b2 { background: var(--c2) }
.b3 { background: var(--c3) } .b4 { background: var(--c4) } .b5 { background: var(--c5) }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .85rem;
  color: var(--soft); margin: .3rem 0 0; padding: 0; list-style: none }
.legend svg { width: 1.6rem; height: .7rem; display: inline-block; margin-right: .4rem }
.bars { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .5rem .9rem;
  align-items: center; font-size: .9rem; margin: 0 }
.bars dt { overflow-wrap: anywhere }
.bars dd { margin: 0; display: flex; align-items: center; gap: .6rem; white-space: nowrap;
  font-variant-numeric: tabular-nums }
.bars .room { flex: 1; height: .85rem; background: var(--line); border-radius: 4px;
  overflow: hidden }
.bars .room i { display: block; height: 100%; border-radius: 4px }
.bars dd span { min-width: max(5rem, calc(.92 * var(--text))); text-align: right }
table { border-collapse: collapse; width: 100%; font-size: .88rem;
  font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .35rem .5rem; border-bottom: 1px solid var(--line) }
th { font-weight: 500; color: var(--soft); vertical-align: bottom }
td { white-space: nowrap } td:first-child { white-space: normal }
th:first-child, td:first-child { text-align: left; overflow-wrap: break-word }
tr:last-child td, tr:last-child th { border-bottom: 0 }
.cells td, .cells th { text-align: center; padding: .4rem .3rem; border: 0; min-width: 2.3rem;
  font-size: .82rem }
.cells th[scope=row] { text-align: right; white-space: nowrap }
.cells td { background: color-mix(in srgb, var(--c0) calc(var(--v) * 88%), transparent);
  border-radius: 3px }
.cells td.dark { color: #fff }
.cells td.none { background: transparent }
@media (prefers-color-scheme: dark) { .cells td.dark { color: #0d1116 } }
footer { margin-top: 2rem; color: var(--soft); font-size: .82rem }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0 }
footer dt { font-weight: 500 } footer dd { margin: 0; overflow-wrap: anywhere }
@media (max-width: 32rem) { main { padding: 1.5rem .9rem 2rem } section { padding: 1rem .9rem }
  table { font-size: .82rem } th, td { padding: .35rem .15rem }
  th:first-child, td:first-child { padding-left: 0 }
  th:last-child, td:last-child { padding-right: 0 }
  .cells td, .cells th { min-width: 1.75rem; padding: .4rem .1rem; font-size: .75rem }
  .cells th[scope=row] { padding-right: .3rem }
  svg { font-size: 19px } .stats { grid-template-columns: 1fr 1fr }
  .stats div:last-child:nth-child(odd) { grid-column: 1 / -1 }
  .bars { grid-template-columns: 1fr; gap: .1rem } .bars dd { margin-bottom: .5rem } }
@media print { section, .stats { break-inside: avoid } }
"""
