/// The page's looks and its one button. Colors follow the system's theme until the button is pressed.
enum PageStyle {
    static let css = """
        :root{--ground:#fcfcfb;--ink:#1d1f21;--soft:#5b6168;--line:#d9dcdf;--card:#fff;--link:#0b5cad;\
        color-scheme:light}
        @media (prefers-color-scheme:dark){:root:not([data-theme=light]){--ground:#15171a;--ink:#e6e8ea;\
        --soft:#a2a9b0;--line:#343a40;--card:#1d2024;--link:#7db8f2;color-scheme:dark}}
        :root[data-theme=dark]{--ground:#15171a;--ink:#e6e8ea;--soft:#a2a9b0;--line:#343a40;--card:#1d2024;\
        --link:#7db8f2;color-scheme:dark}
        *{box-sizing:border-box}
        html{scroll-behavior:smooth;scroll-padding-top:1rem}
        @media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
        body{margin:0;background:var(--ground);color:var(--ink);\
        font:16px/1.55 system-ui,"DejaVu Sans",sans-serif}
        a{color:var(--link)}
        :focus-visible{outline:3px solid var(--link);outline-offset:2px}
        .skip{position:absolute;left:-999rem}
        .skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:1}
        header,main,footer{max-width:MAXWIDTH;margin:0 auto;padding:0 1.5rem}
        header{padding-top:2rem}
        .top{display:flex;gap:1rem;align-items:baseline;justify-content:space-between}
        h1{font-size:1.9rem;line-height:1.2;margin:0}
        h2{font-size:1.4rem;margin:3rem 0 .4rem;padding-top:1.2rem;border-top:1px solid var(--line)}
        h3{font-size:1.05rem;margin:1.8rem 0 .6rem;overflow-wrap:anywhere}
        h4{font-size:.95rem;margin:0 0 .5rem;color:var(--soft);font-weight:600}
        p{max-width:46rem;margin:.4rem 0}
        .soft,figcaption{color:var(--soft)}
        button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);\
        border-radius:6px;padding:.3rem .8rem;cursor:pointer;white-space:nowrap}
        nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;padding:0;margin:1rem 0}
        .row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.5rem;\
        align-items:start}
        figure{margin:0 0 1.2rem}
        figure img{display:block;max-width:100%;height:auto;border-radius:6px;border:1px solid var(--line)}
        figcaption{font-size:.9rem;margin-top:.4rem;max-width:46rem}
        table{border-collapse:collapse;font-size:.95rem;margin:.6rem 0;display:block;overflow-x:auto}
        th,td{text-align:left;padding:.3rem 1.2rem .3rem 0;border-bottom:1px solid var(--line);\
        vertical-align:top}
        td.number{text-align:right;font-variant-numeric:tabular-nums}
        code{font-size:.9em;overflow-wrap:anywhere}
        meter{width:9rem;height:.8rem;vertical-align:middle}
        footer{padding:2.5rem 1.5rem 3rem;color:var(--soft);font-size:.9rem}
        @media print{button,nav,.skip{display:none}}
        """

    static let script = """
        (()=>{const root=document.documentElement,button=document.getElementById("theme"),\
        dark=matchMedia("(prefers-color-scheme: dark)");
        const isDark=()=>root.dataset.theme?root.dataset.theme==="dark":dark.matches;
        const label=()=>{button.textContent=isDark()?"Light theme":"Dark theme"};
        button.addEventListener("click",()=>{root.dataset.theme=isDark()?"light":"dark";label()});
        dark.addEventListener("change",label);button.hidden=false;label()})();
        """
}
