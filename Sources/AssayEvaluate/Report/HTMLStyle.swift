// How reports look.

/// The style sheet of reports.
package enum HTMLStyle {
  /// How many colours tell methods apart before they repeat.
  package static let colorCount = 16
  /// Methods behind these have dashed lines and hollow keys beside their colours.
  package static let solidCount = 8
  /// Lines that stand for no method.
  package static let references = ["oracle": "ref", "random": "ref alt", "perfect": "ref"]

  /// Colours are those of Okabe and Ito, which colour-blind readers tell apart, a little darker on
  /// light and a little lighter on dark.
  package static let css = """
    :root{--bg:#fff;--fg:#1a1d21;--muted:#5f6770;--line:#e3e6ea;--soft:#f6f7f9;--grid:#eceef1;
    --good:#00735c;--bad:#b3450a;
    --c0:#0072b2;--c1:#d97a00;--c2:#009271;--c3:#b6568f;--c4:#4a9fd4;--c5:#c84e00;--c6:#8a7a00;--c7:#6b7280;
    --c8:#7a4fb5;--c9:#a3243b;--c10:#3f7d20;--c11:#00788a;--c12:#8c564b;--c13:#d1478f;--c14:#4759d6;
    --c15:#3d4450}
    @media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e9ed;--muted:#98a1ab;--line:#2b3036;
    --soft:#1b1f24;--grid:#262b31;--good:#3fc9a4;--bad:#f0935a;
    --c0:#4ba6e3;--c1:#f0a23c;--c2:#35c29b;--c3:#dd8fbd;--c4:#8accf2;--c5:#f0834a;--c6:#d8c94a;--c7:#a3abb5;
    --c8:#b494e6;--c9:#ef7a8d;--c10:#86c95f;--c11:#4cc4d6;--c12:#c79a8e;--c13:#f28fc4;--c14:#95a2ff;
    --c15:#cfd6de}}
    .c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
    .c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
    .c8{--c:var(--c8)}.c9{--c:var(--c9)}.c10{--c:var(--c10)}.c11{--c:var(--c11)}
    .c12{--c:var(--c12)}.c13{--c:var(--c13)}.c14{--c:var(--c14)}.c15{--c:var(--c15)}.ref{--c:var(--muted)}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--bg);color:var(--fg);
    font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
    main{max-width:1040px;margin:0 auto;padding:48px 24px 32px}
    h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;margin:0 0 8px;font-weight:680;
    overflow-wrap:anywhere}
    h2{font-size:20px;letter-spacing:-.01em;margin:0 0 4px;font-weight:650}
    section{margin-top:52px}
    .lead{font-size:17px;color:var(--muted);margin:0;max-width:46em}
    .note{color:var(--muted);font-size:14px;margin:0 0 10px}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,180px),1fr));gap:12px;
    margin-top:28px}
    .tile{background:var(--soft);border-radius:10px;padding:14px 16px 13px}
    .name{display:flex;align-items:center;gap:7px;font-weight:600;font-size:14px;overflow-wrap:anywhere}
    .big{font-size:34px;line-height:1.2;font-weight:680;letter-spacing:-.02em;
    font-variant-numeric:tabular-nums}
    .big span{font-size:18px;font-weight:500;color:var(--muted);letter-spacing:0}
    .small{font-size:13px;color:var(--muted);font-variant-numeric:tabular-nums}
    .legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:10px 0 14px;
    font-size:14px}
    .legend li,.key{display:inline-flex;align-items:center;gap:7px}
    .legend i,.key i,.name i{width:11px;height:11px;border-radius:3px;background:var(--c);flex:none}
    .alt i{background:none!important;border:3px solid var(--c)}
    h3{font-size:15px;font-weight:600;margin:18px 0 2px}
    .wrap{white-space:normal;min-width:7em}
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));
    gap:28px 40px;margin-top:12px}
    figure{margin:0;min-width:0}
    figcaption{font-weight:600;font-size:15px;margin-bottom:6px}
    svg{display:block;width:100%;max-width:560px;height:auto;overflow:visible}
    svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
    fill:var(--muted);font-variant-numeric:tabular-nums}
    svg .label{fill:var(--fg);font-size:13px}svg .strong{font-weight:650}
    svg .value{fill:var(--fg);font-weight:600}
    svg .grid{stroke:var(--grid);stroke-width:1}svg .axis{stroke:var(--line);stroke-width:1}
    svg .chance{stroke:var(--muted);stroke-width:1;stroke-dasharray:3 3}
    svg .bar{fill:var(--c)}svg .whisker{stroke:var(--fg);stroke-width:1.3;fill:none}
    svg .halo{stroke:var(--bg);stroke-width:3.4;fill:none;opacity:.55}
    svg .lineplot{stroke:var(--c);stroke-width:2;fill:none;stroke-linejoin:round;stroke-linecap:round}
    svg .alt .lineplot{stroke-dasharray:6 4}svg .bar.alt{fill-opacity:.45;stroke:var(--c)}
    svg .band{fill:var(--c);opacity:.14}svg .dot{fill:var(--c);stroke:var(--bg);stroke-width:1.5}
    svg .error{stroke:var(--c);stroke-width:1.3}
    article{border:1px solid var(--line);border-radius:12px;padding:18px 20px 20px;margin-top:16px}
    .meta{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--muted);margin-bottom:10px}
    .meta .key{color:var(--fg);font-weight:600}
    .good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
    pre{font:inherit;font-size:15px;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
    .prompt{font-weight:550}
    .responses{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:16px;
    margin-top:16px}
    .response{background:var(--soft);border-radius:10px;padding:13px 16px 15px;min-width:0}
    .head{display:flex;justify-content:space-between;gap:12px;font-size:13px;margin-bottom:7px}
    .score{color:var(--muted);font-variant-numeric:tabular-nums;white-space:nowrap}
    .score b{color:var(--fg)}
    blockquote{margin:11px 0 0;padding:0 0 0 13px;border-left:3px solid var(--line);color:var(--muted);
    font-size:14.5px;white-space:pre-wrap;overflow-wrap:anywhere}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:7px 12px 7px 0;border-bottom:1px solid var(--line);white-space:nowrap}
    thead th{font-weight:600;color:var(--fg)}
    .num{text-align:right;padding:7px 0 7px 20px}.num+.wrap{padding-left:20px}
    .split th{padding-top:20px;color:var(--muted);font-size:13px;font-weight:600}
    .overall td{font-weight:650}
    small{font-size:12px;color:var(--muted);font-weight:400;margin-left:4px}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:5px 22px;margin:10px 0 0;font-size:14px}
    dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
    footer{margin-top:52px;padding-top:14px;border-top:1px solid var(--line);color:var(--muted);
    font-size:13px}
    footer p{margin:0}
    @media(max-width:560px){main{padding:28px 16px 24px}h1{font-size:25px}section{margin-top:40px}
    .tiles{grid-template-columns:1fr 1fr}.big{font-size:28px}article{padding:14px}
    dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}}
    @media print{article,figure,.tile{break-inside:avoid}}
    """
}
