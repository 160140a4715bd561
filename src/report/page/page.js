"use strict";
(() => {
  const drawings = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PALETTE = { light: ["#2f62d0", "#d9693b", "#2c9a6b", "#9a5bc4"], dark: ["#7ea6ff", "#f0935f", "#5cc99a", "#c595ea"] };
  let drawn = [];

  const written = {
    count: (value) => value.toLocaleString(drawings[0].lang),
    share: (value) => (value * 100).toFixed(1) + "%",
    rating: (value) => value.toFixed(2),
  };

  // A tooltip is made of nodes: no label is ever read as HTML.
  function tooltip(points, format, notKnown) {
    const box = document.createElement("div");
    const line = (text) => box.appendChild(document.createElement("div")).textContent = text;
    line(points[0].name);
    for (const point of points) {
      const value = Array.isArray(point.value) ? point.value[1] : point.value;
      line(point.seriesName + ": " + (value === null || value === undefined ? notKnown : format(value)));
    }
    return box;
  }

  function option(drawing, isDark) {
    const [ink, faint, rule, card] = isDark ? ["#e6e9ef", "#9aa5b8", "#323a47", "#1d222b"] : ["#1d2330", "#5d6679", "#dfe3ea", "#ffffff"];
    const format = written[drawing.format];
    const overTime = drawing.kind !== "rows";
    const names = {
      type: "category", data: drawing.names, inverse: !overTime,
      axisLine: { lineStyle: { color: rule } }, axisTick: { show: false },
      axisLabel: overTime ? { color: faint, hideOverlap: true } : { color: ink, width: 120, overflow: "truncate" },
    };
    const values = {
      type: "value", max: drawing.highest ?? undefined, splitNumber: 4, minInterval: drawing.format === "count" ? 1 : undefined,
      axisLabel: { color: faint, hideOverlap: true, formatter: (value) => drawing.format === "share" ? value * 100 + "%" : written.count(value) },
      splitLine: { lineStyle: { color: rule } },
    };
    return {
      animation: false, color: PALETTE[isDark ? "dark" : "light"], textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 4, right: 14, top: drawing.series.length > 1 ? 30 : 10, bottom: 2, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: drawing.series.length > 1 ? { top: 0, left: 0, textStyle: { color: ink } } : undefined,
      tooltip: {
        trigger: "axis", confine: true, axisPointer: { type: overTime ? "line" : "shadow" }, backgroundColor: card, borderColor: rule,
        textStyle: { color: ink }, formatter: (points) => tooltip(points, format, drawing.not_known),
      },
      xAxis: overTime ? names : values, yAxis: overTime ? values : names,
      series: drawing.series.map((series) => ({
        name: series.name, type: drawing.kind === "line" ? "line" : "bar", stack: overTime ? undefined : "all",
        // The last bar of a time that is not over is pale.
        data: series.values.map((value, at) => drawing.unfinished && at === series.values.length - 1 && drawing.kind === "bars" ? { value, itemStyle: { opacity: .4 } } : value),
        showSymbol: drawing.names.length < 2, step: drawing.kind === "line" ? "end" : undefined, areaStyle: drawing.kind === "line" ? { opacity: .15 } : undefined,
        barMaxWidth: overTime ? 40 : 18, barCategoryGap: overTime ? undefined : "30%",
      })),
    };
  }

  // On paper a chart is as wide as its place there: all columns of an A4 page, one of two, one of three.
  function onPaper(place) {
    return place.closest(".cards") ? 205 : place.closest(".wide") ? 670 : 325;
  }

  function draw(isDark, printed = false) {
    drawn.forEach((chart) => chart.dispose());
    drawn = drawings.map((drawing, number) => {
      const place = document.getElementById("chart-" + number);
      const [bar, line] = printed ? [18, 150] : [26, 240];
      place.style.height = (drawing.kind === "rows" ? 44 + bar * drawing.names.length + (drawing.series.length > 1 ? 20 : 0) : line) + "px";
      const chart = echarts.init(place, null, { renderer: "svg", width: printed ? onPaper(place) : undefined });
      chart.setOption(option(drawing, isDark));
      return chart;
    });
  }

  draw(dark.matches);
  dark.addEventListener("change", () => draw(dark.matches));
  addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
  addEventListener("beforeprint", () => draw(false, true));
  addEventListener("afterprint", () => draw(dark.matches));
})();
