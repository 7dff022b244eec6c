// Draws the charts that the page carries, and saves one as a picture when asked.

const charts = JSON.parse(document.getElementById("charts").textContent)
const config = { displayModeBar: false, responsive: false, doubleClick: "reset+autosize", scrollZoom: false }

function draw(plot) {
  const { figure, height } = charts[plot.dataset.chart]
  // On a phone the matrix fits below the sentence, on the first screen.
  const most = plot.clientWidth < 560 ? 330 : Infinity
  const { data, layout } = withTheme(structuredClone(figure), plot, Math.min(height, most))
  plot.style.minHeight = ""
  plot.drawnAt = plot.clientWidth
  return Plotly.react(plot, data, layout, config)
}

// On paper and on wide screens everything is open; on a phone it would be a dozen screens.
const folded = [...document.querySelectorAll("details")]
const unfold = () => folded.forEach((part) => (part.open = true))
if (innerWidth > 640) unfold()
for (const part of folded) part.addEventListener("toggle", () => drawAll())

const plots = [...document.querySelectorAll("[data-chart]")]
const drawAll = () => plots.filter((plot) => plot.clientWidth && plot.clientWidth !== plot.drawnAt).forEach(draw)
// Paper is 680 pixels wide between its margins, whatever the window is.
function drawAt(width) {
  for (const plot of plots) plot.style.width = width
  drawAll()
}
addEventListener("resize", drawAll)
addEventListener("beforeprint", () => {
  unfold()
  drawAt("680px")
})
addEventListener("afterprint", () => drawAt(""))
drawAll()

for (const button of document.querySelectorAll("[data-format]")) {
  const plot = button.closest("figure").querySelector("[data-chart]")
  button.addEventListener("click", () =>
    Plotly.downloadImage(plot, {
      format: button.dataset.format,
      filename: plot.dataset.chart,
      width: plot.clientWidth,
      height: plot.clientHeight,
      scale: button.dataset.format === "png" ? 2 : 1,
    }),
  )
}
