// Draws every diagram, and draws it again when the reader changes between light and dark.
(() => {
  const diagrams = [...document.querySelectorAll("pre.mermaid")].map((place) => ({ place, source: place.textContent }));
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const isDark = () => {
    const theme = document.body.dataset.theme;
    return theme === "dark" || (theme !== "light" && dark.matches);
  };

  // A diagram is never shown smaller than this part of its size: below, its words cannot be read, and it scrolls instead.
  const LEAST = 0.65;
  const widthOf = (svg) => Number(/viewBox="[-\d.]+ [-\d.]+ ([\d.]+)/.exec(svg)?.[1] ?? 0);

  const render = async (id, source, room) => {
    const { svg } = await mermaid.render(id, source);
    if (widthOf(svg) * LEAST <= room || !/^flowchart LR/.test(source)) return svg;
    // Too wide from left to right: from top to bottom, where that is narrower.
    const { svg: tall } = await mermaid.render(`${id}-tall`, source.replace("flowchart LR", "flowchart TB"));
    return widthOf(tall) < widthOf(svg) ? tall : svg;
  };

  let turn = 0;
  const draw = async () => {
    const mine = ++turn;
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: "strict",
      theme: isDark() ? "dark" : "neutral",
      themeVariables: isDark() ? { clusterBkg: "#1a1c1e", edgeLabelBackground: "#1a1c1e" } : {},
      fontFamily: getComputedStyle(document.body).fontFamily,
      flowchart: { useMaxWidth: false, nodeSpacing: 30, rankSpacing: 35, wrappingWidth: 280 },
    });
    for (const [number, { place, source }] of diagrams.entries()) {
      const style = getComputedStyle(place);
      const room = place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      const svg = await render(`diagram-${mine}-${number}`, source, room);
      if (mine !== turn) return;
      place.innerHTML = svg;
      const width = widthOf(svg);
      place.firstElementChild.style.width = `${Math.min(width, Math.max(room, width * LEAST))}px`;
      place.firstElementChild.style.maxWidth = "none";
      place.classList.add("drawn");
      place.setAttribute("tabindex", "0");
      place.setAttribute("aria-label", "diagram");
    }
  };

  dark.addEventListener("change", draw);
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
  draw();
})();
