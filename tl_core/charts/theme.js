// Puts the page's colours and type into a figure, and fits its labels to the room there is.

function readTheme(element) {
  const style = getComputedStyle(element)
  const get = (name) => style.getPropertyValue(`--st-${name}`).trim()
  const text = get("text-color")
  const background = get("background-color")
  return {
    font: { family: get("font"), size: 13, color: text },
    "@text": text,
    "@muted": mix(text, background, 0.45),
    "@grid": mix(text, background, 0.14),
    "@surface": mix(text, background, 0.06),
    "@accent": get("primary-color"),
    background,
  }
}

// A canvas reads any CSS colour and gives back numbers, which is what Plotly wants in colour scales.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
function rgb(colour) {
  canvas.fillStyle = colour
  canvas.fillRect(0, 0, 1, 1)
  return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)]
}

function mix(front, back, share) {
  const [a, b] = [rgb(front), rgb(back)]
  return `rgb(${a.map((value, i) => Math.round(value * share + b[i] * (1 - share))).join(",")})`
}

function withTheme(figure, element, height) {
  // Square cells need no more height than the page is wide.
  if (figure.layout.yaxis.scaleanchor) height = Math.min(height, element.clientWidth + 40)
  const theme = readTheme(element)
  const put = (value) =>
    typeof value === "string" ? (theme[value] ?? value)
    : Array.isArray(value) ? value.map(put)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, put(v)]))
    : value
  const { data, layout } = put(figure)
  const isNarrow = element.clientWidth < 560
  const axis = { gridcolor: theme["@grid"], linecolor: theme["@grid"], automargin: true }
  const legend = { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" }
  Object.assign(layout, {
    height,
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: isNarrow ? { ...theme.font, size: 12 } : theme.font,
    margin: { l: 8, r: 12, t: layout.showlegend ? 34 : 10, b: 8 },
    legend: { ...legend, ...layout.legend },
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
    hoverlabel: { bgcolor: theme.background, bordercolor: theme["@muted"], font: theme.font, align: "left" },
    dragmode: isNarrow ? false : "zoom",
  })
  const longest = !isNarrow ? Infinity : layout.yaxis.scaleanchor ? 13 : 21
  fitLabels(layout.xaxis, element.clientWidth * 0.75, longest)
  fitLabels(layout.yaxis, height * 0.75, longest, !layout.yaxis.scaleanchor)
  for (const trace of data) if (trace.type === "heatmap") fitCells(trace, element.clientWidth * (isNarrow ? 0.6 : 0.75))
  return { data, layout }
}

// Every label where each has the room of a line, else every second, third …; and short ones on a phone, beside square
// cells more so. Where each has the room of two lines, long ones take both.
function fitLabels(axis, room, longest, mayWrap = false) {
  if (!axis.ticktext) return
  const step = Math.ceil((axis.ticktext.length * 15) / room)
  axis.tickvals = axis.tickvals.filter((_, i) => i % step === 0)
  axis.ticktext = axis.ticktext.filter((_, i) => i % step === 0)
  const wraps = mayWrap && room / axis.ticktext.length >= 24
  const lines = (text) => (wraps ? inTwoLines(text, longest) : [text])
  axis.ticktext = axis.ticktext.map((text) => lines(text).map((line) => shortened(line, longest)).join("<br>"))
}

// As many words as fit in the first line, the rest in the second.
function inTwoLines(text, length) {
  const words = text.split(" ")
  let n = words.length
  while (n > 1 && words.slice(0, n).join(" ").length > length) n -= 1
  return n < words.length ? [words.slice(0, n).join(" "), words.slice(n).join(" ")] : [text]
}

// Labels are escaped for Plotly; an entity counts as the one character that it stands for.
function shortened(text, length) {
  const letters = text.match(/&(?:amp|lt|gt);|[^]/gu) ?? []
  return letters.length > length ? `${letters.slice(0, length - 1).join("").trimEnd()}…` : text
}

function fitCells(trace, room) {
  if (trace.texttemplate && room / trace.z.length < 24) delete trace.texttemplate
}
